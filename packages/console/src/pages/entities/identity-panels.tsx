import type { Profile } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { formatCount } from "../../format/numbers.js";
import { momentColumn } from "../../parts/columns.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";

/** Which identifiers make this profile, which profiles went into it, and what was refused. */
export function IdentityPanels({ profile }: { profile: Profile }) {
  return (
    <>
      <Panel title="Identifiers" note={`${formatCount(profile.identifiersTotal)} known`} flush>
        {profile.identifiers.length === 0 ? (
          <Empty title="No identifiers">Only people have identifiers; this one is known by its key.</Empty>
        ) : (
          <DataTable
            label="Identifiers"
            rows={profile.identifiers}
            rowKey={(row) => `${row.type}:${row.value}`}
            columns={[
              { id: "type", header: "Type", nowrap: true, cell: (row) => <Pill>{spaced(row.type)}</Pill>, value: (row) => row.type },
              {
                id: "value",
                header: "Value",
                cell: (row) => <code style={{ overflowWrap: "anywhere" }}>{row.value}</code>,
                value: (row) => row.value,
              },
              momentColumn("first", "First seen", (row: Profile["identifiers"][number]) => row.firstReceivedAt),
            ]}
          />
        )}
      </Panel>
      <Panel title="Merges" note="Profiles that turned out to be the same person." flush>
        {profile.merges.length === 0 ? (
          <Empty title="Never merged">All identifiers came together at once.</Empty>
        ) : (
          <DataTable
            label="Merges"
            rows={profile.merges}
            rowKey={(row) => row.loserId}
            columns={[
              {
                id: "loser",
                header: "Merged profile",
                cell: (row) => <code style={{ overflowWrap: "anywhere" }}>{row.loserKey ?? row.loserId}</code>,
              },
              { id: "message", header: "By event", phone: "hide", cell: (row) => <code className="faint">{row.messageId}</code> },
              momentColumn("at", "When", (row: Profile["merges"][number]) => row.receivedAt),
            ]}
          />
        )}
      </Panel>
      {profile.refusals.length === 0 ? null : (
        <Panel title="Refused" note="Identifiers that were not linked, to protect the profile." flush>
          <DataTable
            label="Refused identifiers"
            rows={profile.refusals}
            rowKey={(row) => `${row.messageId}:${row.type}:${row.value}`}
            columns={[
              { id: "type", header: "Type", nowrap: true, cell: (row) => <Pill>{spaced(row.type)}</Pill> },
              { id: "value", header: "Value", cell: (row) => <code style={{ overflowWrap: "anywhere" }}>{row.value}</code> },
              { id: "reason", header: "Reason", cell: (row) => spaced(row.reason) },
              momentColumn("at", "When", (row: Profile["refusals"][number]) => row.receivedAt),
            ]}
          />
        </Panel>
      )}
    </>
  );
}
