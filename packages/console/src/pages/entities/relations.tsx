import type { EntityRef, Profile } from "../../../../engine/src/server/contract.js";
import { formatCount } from "../../format/numbers.js";
import { entityPath } from "../../paths.js";
import { entityColumn, momentColumn } from "../../parts/columns.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";
import { Ago } from "../../parts/time.js";

/** Who belongs to it and what it belongs to, with validity in time. */
export function Relations({ profile }: { profile: Profile }) {
  const isUser = profile.kind === "user";
  return (
    <>
      {profile.parent === null ? null : (
        <Panel title="Belongs to" flush>
          <Refs label="Parent" rows={[profile.parent]} />
        </Panel>
      )}
      <Panel title={isUser ? "Member of" : "Members"} note={`${formatCount(profile.membershipsTotal)} in all, past ones included`} flush>
        {profile.memberships.length === 0 ? (
          <Empty title={isUser ? "Member of nothing" : "No members"}>Group calls and events that name a group make memberships.</Empty>
        ) : (
          <DataTable
            label={isUser ? "Groups" : "Members"}
            rows={profile.memberships}
            rowKey={(row) => `${row.entity.kind}:${row.entity.id}:${row.validFrom}`}
            linked
            columns={[
              {
                id: "name",
                header: isUser ? "Group" : "Person",
                cell: (row) => <RowLink to={entityPath(row.entity.kind, row.entity.key)}>{row.entity.name ?? row.entity.key}</RowLink>,
              },
              {
                id: "kind",
                header: "Kind",
                phone: "hide",
                cell: (row) => <span className="faint">{row.entity.kind}</span>,
                value: (row) => row.entity.kind,
              },
              momentColumn("from", "Since", (row: Profile["memberships"][number]) => row.validFrom),
              {
                id: "to",
                header: "Until",
                align: "right",
                nowrap: true,
                cell: (row) => (row.validTo === null ? <Pill tone="ok">now</Pill> : <Ago at={row.validTo} />),
                value: (row) => row.validTo,
              },
            ]}
          />
        )}
      </Panel>
      {profile.children.length === 0 ? null : (
        <Panel title="Contains" note={`${formatCount(profile.childrenTotal)} in all`} flush>
          <Refs label="Children" rows={profile.children} />
        </Panel>
      )}
    </>
  );
}

function Refs({ label, rows }: { label: string; rows: readonly EntityRef[] }) {
  return (
    <DataTable
      label={label}
      rows={rows}
      rowKey={(row) => row.id}
      linked
      columns={[
        entityColumn(),
        { id: "kind", header: "Kind", cell: (row) => <span className="faint">{row.kind}</span>, value: (row) => row.kind },
        { id: "key", header: "Key", align: "right", cell: (row) => <code className="faint">{row.key}</code>, value: (row) => row.key },
      ]}
    />
  );
}
