import { useSyncs } from "../../api/queries.js";
import type { SyncSummary } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { syncPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { countColumn, momentColumn } from "../../parts/columns.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Panel } from "../../parts/panel.js";
import { HealthDot, StatePill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";

const columns: readonly Column<SyncSummary>[] = [
  {
    id: "title",
    header: "Sync",
    cell: (row) => (
      <span style={{ display: "flex", alignItems: "center", gap: 9 }}>
        <HealthDot state={row.health.state} />
        <span style={{ display: "grid", lineHeight: 1.35 }}>
          <RowLink to={syncPath(row.name)}>{row.title}</RowLink>
          <span className="faint" style={{ fontSize: 12.5 }}>
            {row.from} to {row.destination.title}
          </span>
        </span>
      </span>
    ),
    value: (row) => row.title,
  },
  {
    id: "state",
    header: "State",
    nowrap: true,
    cell: (row) => <StatePill state={row.enabled ? row.state : "disabled"} />,
    value: (row) => row.state,
  },
  {
    id: "mode",
    header: "Mode",
    phone: "hide",
    nowrap: true,
    cell: (row) => <span className="faint">{spaced(row.mode)}</span>,
    value: (row) => row.mode,
  },
  countColumn("confirmed", "Held there", (row) => row.confirmed, { phone: "hide" }),
  countColumn("waiting", "Waiting", (row) => row.waiting, { alarm: "ochre", phone: "hide" }),
  countColumn("refused", "Refused", (row) => row.refused, { alarm: "clay" }),
  momentColumn("last", "Last run", (row) => row.lastRun?.startedAt ?? null, { phone: "hide" }),
];

export function SyncsPage() {
  const query = useSyncs();
  return (
    <>
      <PageHeader title="Syncs" lead={<p>What is delivered where. Each row is confirmed only by the destination's own answer for it.</p>} />
      <Answer query={query} what="The syncs">
        {({ syncs }) => (
          <Panel flush>
            {syncs.length === 0 ? (
              <Empty title="No syncs yet">
                Name a destination in destinations/ and say in syncs/ which entity or audience goes there with which fields. Dry runs show
                the exact requests first.
              </Empty>
            ) : (
              <DataTable label="Syncs" rows={syncs} rowKey={(row) => row.name} columns={columns} linked />
            )}
          </Panel>
        )}
      </Answer>
    </>
  );
}
