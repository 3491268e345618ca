import { Drawer } from "@mantine/core";
import type { ExplainRequest } from "../../../../engine/src/server/contract.js";
import { useExplanation } from "../../api/queries.js";
import { ExplanationTree } from "../../parts/explanation-tree.js";
import { Problem } from "../../parts/notes.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import style from "./profile.module.css";

/** Why is it so: the explanation of a trait, score, audience or sync of one entity, back to the events. */

export interface WhyQuestion {
  readonly title: string;
  readonly request: ExplainRequest;
}

export function WhyButton({ about, onAsk, label = "why" }: { about: WhyQuestion; onAsk: (question: WhyQuestion) => void; label?: string }) {
  return (
    <button type="button" className={style["why"]} onClick={() => onAsk(about)} aria-label={`${label}: ${about.title}`}>
      {label}
    </button>
  );
}

export function WhyDrawer({
  kind,
  entity,
  question,
  onClose,
}: {
  kind: string;
  entity: string;
  question: WhyQuestion | null;
  onClose: () => void;
}) {
  return (
    <Drawer
      opened={question !== null}
      onClose={onClose}
      size={760}
      title={question?.title ?? "Why"}
      closeButtonProps={{ "aria-label": "Close explanation" }}
    >
      {question === null ? null : <Explained kind={kind} entity={entity} request={question.request} />}
    </Drawer>
  );
}

export function Explained({ kind, entity, request }: { kind: string; entity: string; request: ExplainRequest }) {
  const { data, error, refetch } = useExplanation(kind, entity, request);
  if (data !== undefined) return <ExplanationTree explanation={data} />;
  if (error !== null) return <Problem error={error} what="The explanation" retry={() => void refetch()} />;
  return <RowsSkeleton />;
}
