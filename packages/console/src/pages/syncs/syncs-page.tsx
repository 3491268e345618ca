import { useSyncs } from "../../api/queries.js";
import type { SyncSummary } from "../../../../engine/src/server/contract.js";
import { formatCount } from "../../format/numbers.js";
import { spaced } from "../../format/conditions.js";
import { syncPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Panel } from "../../parts/panel.js";
import { HealthDot, StatePill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";
import { Ago } from "../../parts/time.js";

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
  {
    id: "confirmed",
    header: "Held there",
    align: "right",
    phone: "hide",
    cell: (row) => formatCount(row.confirmed),
    value: (row) => row.confirmed,
  },
  {
    id: "waiting",
    header: "Waiting",
    align: "right",
    phone: "hide",
    cell: (row) =>
      row.waiting === 0 ? (
        <span className="faint">0</span>
      ) : (
        <span style={{ color: "var(--ochre)", fontWeight: 600 }}>{formatCount(row.waiting)}</span>
      ),
    value: (row) => row.waiting,
  },
  {
    id: "refused",
    header: "Refused",
    align: "right",
    cell: (row) =>
      row.refused === 0 ? (
        <span className="faint">0</span>
      ) : (
        <span style={{ color: "var(--clay)", fontWeight: 600 }}>{formatCount(row.refused)}</span>
      ),
    value: (row) => row.refused,
  },
  {
    id: "last",
    header: "Last run",
    align: "right",
    phone: "hide",
    nowrap: true,
    cell: (row) => <Ago at={row.lastRun?.startedAt ?? null} />,
    value: (row) => row.lastRun?.startedAt ?? null,
  },
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
