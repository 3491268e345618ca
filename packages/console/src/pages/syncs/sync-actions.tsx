import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import type { SyncDetail } from "../../../../engine/src/server/contract.js";
import { ApiError } from "../../api/client.js";
import { useDryRun, useStartSync } from "../../api/queries.js";
import { DryRunDrawer } from "./dry-run-drawer.js";
import style from "./syncs.module.css";

/** Look first (dry run), then run; a guarded run asks before it goes. */
export function SyncActions({ sync }: { sync: SyncDetail }) {
  const [asking, setAsking] = useState<"run" | "confirm" | null>(null);
  const [looking, setLooking] = useState(false);
  const dry = useDryRun(sync.name);
  const run = useStartSync(sync.name, "run");
  const confirm = useStartSync(sync.name, "confirm");
  const guarded = sync.state === "guarded";
  const started = asking === "confirm" ? confirm : run;
  const answer = confirm.data ?? run.data;
  const failure = confirm.error ?? run.error;

  const look = (): void => {
    setLooking(true);
    dry.mutate();
  };
  return (
    <>
      <div className={style["actions"]}>
        <Button variant="default" onClick={look}>
          Dry run
        </Button>
        {guarded ? (
          <Button color="yellow" variant="outline" onClick={() => setAsking("confirm")}>
            Confirm the guarded run
          </Button>
        ) : (
          <Button onClick={() => setAsking("run")} disabled={!sync.enabled}>
            Run now
          </Button>
        )}
      </div>
      <div role="status" aria-live="polite" style={{ flexBasis: "100%" }}>
        {failure !== null ? (
          <p style={{ color: "var(--clay)" }}>
            {failure.message} {failure instanceof ApiError ? failure.next : ""}
          </p>
        ) : answer !== undefined ? (
          <p className="soft">{answer.sentence}</p>
        ) : null}
      </div>
      <DryRunDrawer
        opened={looking}
        title={sync.title}
        answer={dry.data}
        error={dry.error}
        onClose={() => setLooking(false)}
        onRetry={() => dry.mutate()}
      />
      <Modal
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={asking === "confirm" ? "Let the guarded run through?" : "Run this sync now?"}
        closeButtonProps={{ "aria-label": "Close" }}
        centered
      >
        <p className="soft">
          {asking === "confirm"
            ? (sync.lastRun?.message ?? "The guard stopped this run because it would change or remove more rows than its limit.")
            : `Rows that differ from what ${sync.destination.title} holds are sent to it at once.`}
        </p>
        <div className={style["actions"]} style={{ justifyContent: "flex-end", marginTop: 18 }}>
          <Button variant="default" onClick={() => setAsking(null)}>
            Not now
          </Button>
          <Button
            color={asking === "confirm" ? "yellow" : "sap"}
            loading={started.isPending}
            onClick={() => started.mutate(undefined, { onSettled: () => setAsking(null) })}
            data-autofocus
          >
            {asking === "confirm" ? "Send them" : "Run now"}
          </Button>
        </div>
      </Modal>
    </>
  );
}
