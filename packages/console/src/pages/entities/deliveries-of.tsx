import { Link } from "react-router";
import type { Profile } from "../../../../engine/src/server/contract.js";
import { syncPath } from "../../paths.js";
import { momentColumn } from "../../parts/columns.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { StatePill } from "../../parts/pill.js";
import { WhyButton, type WhyQuestion } from "./why.js";

/** What was sent where about this entity, and what the other side said. */
export function DeliveriesOf({ profile, name, onAsk }: { profile: Profile; name: string; onAsk: (question: WhyQuestion) => void }) {
  return (
    <Panel title="Deliveries" note="The newest outcomes, one per row and change." flush>
      {profile.deliveries.length === 0 ? (
        <Empty title="Nothing delivered yet">
          No sync has sent this {profile.title.toLowerCase()} anywhere. Syncs start from its traits or its audiences.
        </Empty>
      ) : (
        <DataTable
          label="Deliveries"
          rows={profile.deliveries}
          rowKey={(row) => `${row.sync}:${row.runId}:${row.key}:${row.happenedAt}`}
          columns={[
            {
              id: "sync",
              header: "Sync",
              cell: (row) => <Link to={`${syncPath(row.sync)}?key=${encodeURIComponent(row.key)}`}>{row.syncTitle}</Link>,
              value: (row) => row.syncTitle,
            },
            {
              id: "outcome",
              header: "Outcome",
              nowrap: true,
              cell: (row) => <StatePill state={row.outcome} />,
              value: (row) => row.outcome,
            },
            { id: "change", header: "Change", phone: "hide", cell: (row) => row.change, value: (row) => row.change },
            {
              id: "reason",
              header: "Answer",
              phone: "hide",
              cell: (row) => [row.status, row.reason].filter((part) => part !== null).join(" ") || <span className="faint">accepted</span>,
            },
            momentColumn("at", "When", (row: Profile["deliveries"][number]) => row.happenedAt),
            {
              id: "why",
              header: "Explanation",
              quiet: true,
              align: "right",
              cell: (row) => (
                <WhyButton about={{ title: `Why ${name} was sent by ${row.syncTitle}`, request: { sync: row.sync } }} onAsk={onAsk} />
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
