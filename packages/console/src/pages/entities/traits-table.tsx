import { TextInput } from "@mantine/core";
import { useState } from "react";
import type { TraitView } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { traitWords } from "../../format/trait-words.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { Ago } from "../../parts/time.js";
import { Plain, textOf } from "../../parts/value-tree.js";
import style from "./profile.module.css";
import { WhyButton, type WhyQuestion } from "./why.js";

/** Every trait with its value, how it is defined, and why it is so. */
export function TraitsTable({
  traits,
  name,
  onAsk,
}: {
  traits: readonly TraitView[];
  name: string;
  onAsk: (question: WhyQuestion) => void;
}) {
  const [text, setText] = useState("");
  if (traits.length === 0) return <Empty title="No traits">Define the first in a file under traits/.</Empty>;
  const wanted = text.trim().toLowerCase();
  const shown = traits.filter((trait) => `${trait.name} ${trait.title} ${textOf(trait.value)}`.toLowerCase().includes(wanted));
  return (
    <>
      {traits.length < 9 ? null : (
        <TextInput
          aria-label="Find a trait"
          placeholder="Find a trait"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          style={{ maxWidth: 320, margin: "0 18px 8px" }}
        />
      )}
      <DataTable
        label="Traits"
        rows={shown}
        rowKey={(row) => row.name}
        columns={[
          {
            id: "title",
            header: "Trait",
            width: "46%",
            cell: (row) => (
              <span className={style["traitName"]}>
                <span style={{ fontWeight: 550 }}>{row.title}</span>
                <small>{row.description ?? traitWords(row.type, row.definition)}</small>
              </span>
            ),
            value: (row) => row.title,
          },
          {
            id: "value",
            header: "Value",
            align: "right",
            cell: (row) =>
              row.valueType === "timestamp" && typeof row.value === "string" ? <Ago at={row.value} /> : <Plain value={row.value} />,
            value: (row) => (typeof row.value === "number" ? row.value : textOf(row.value)),
          },
          {
            id: "type",
            header: "Kind",
            phone: "hide",
            cell: (row) => <span className="faint">{spaced(row.type)}</span>,
            value: (row) => row.type,
          },
          {
            id: "updated",
            header: "Computed",
            phone: "hide",
            align: "right",
            cell: (row) => <Ago at={row.updatedAt} />,
            value: (row) => row.updatedAt,
          },
          {
            id: "why",
            header: "Explanation",
            quiet: true,
            align: "right",
            cell: (row) => (
              <WhyButton
                about={{ title: `Why ${row.title} of ${name} is ${textOf(row.value)}`, request: { trait: row.name } }}
                onAsk={onAsk}
              />
            ),
          },
        ]}
      />
    </>
  );
}
