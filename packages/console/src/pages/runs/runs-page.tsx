import { Tabs } from "@mantine/core";
import type { LoadView, Runs, SyncRun } from "../../../../engine/src/server/contract.js";
import { useRuns } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { formatBytes, formatSeconds } from "../../format/numbers.js";
import { syncPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { countColumn, momentColumn } from "../../parts/columns.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Panel, Stack } from "../../parts/panel.js";
import { StatePill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";
import { Gantt } from "./gantt.js";

export function RunsPage() {
  const query = useRuns();
  return (
    <>
      <PageHeader
        title="Runs"
        lead={<p>Each turn of the loop with the seconds of every step, the loads that fed it and the syncs that followed.</p>}
      />
      <Answer query={query} what="The runs">
        {(runs) => <Loaded runs={runs} />}
      </Answer>
    </>
  );
}

function Loaded({ runs }: { runs: Runs }) {
  return (
    <Stack>
      <Panel title="Cycles" note="Newest first, all on one scale. Open one to see its steps.">
        {runs.cycles.length === 0 ? (
          <Empty title="No cycle yet">The engine starts one as soon as the first events are loaded.</Empty>
        ) : (
          <Gantt cycles={runs.cycles} />
        )}
      </Panel>
      <Tabs defaultValue="loads" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="loads">Loads</Tabs.Tab>
          <Tabs.Tab value="syncs">Sync runs</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="loads">
          <Panel title="Loads" note="Each spool segment is taken in once: accepted is stored, duplicates and quarantined." flush>
            {runs.loads.length === 0 ? (
              <Empty title="No load yet">The collector seals a segment within a second of the first event.</Empty>
            ) : (
              <Loads loads={runs.loads} />
            )}
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="syncs">
          <Panel title="Sync runs" flush>
            {runs.syncRuns.length === 0 ? (
              <Empty title="No sync has run yet">Syncs run after the cycle that changes their rows.</Empty>
            ) : (
              <SyncRuns runs={runs.syncRuns} />
            )}
          </Panel>
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
}

const loadColumns: readonly Column<LoadView>[] = [
  {
    id: "load",
    header: "Load",
    nowrap: true,
    cell: (row) => <span style={{ fontWeight: 550 }}>{row.loadId}</span>,
    value: (row) => row.loadId,
  },
  {
    id: "segment",
    header: "Segment",
    phone: "hide",
    cell: (row) => <code className="faint">{row.segment}</code>,
    value: (row) => row.segment,
  },
  countColumn("accepted", "Accepted", (row) => row.accepted),
  countColumn("stored", "Stored", (row) => row.stored, { phone: "hide" }),
  countColumn("duplicates", "Duplicates", (row) => row.duplicates, { phone: "hide" }),
  countColumn("quarantined", "Quarantined", (row) => row.quarantined, { phone: "hide" }),
  {
    id: "bytes",
    header: "Size",
    align: "right",
    phone: "hide",
    nowrap: true,
    cell: (row) => formatBytes(row.bytes),
    value: (row) => row.bytes,
  },
  { id: "seconds", header: "Took", align: "right", nowrap: true, cell: (row) => formatSeconds(row.seconds), value: (row) => row.seconds },
  {
    id: "lag",
    header: "Lag",
    align: "right",
    phone: "hide",
    nowrap: true,
    cell: (row) => (row.lagSeconds === null ? "–" : formatSeconds(row.lagSeconds)),
    value: (row) => row.lagSeconds,
  },
  momentColumn("at", "Loaded", (row) => row.loadedAt),
];

function Loads({ loads }: { loads: readonly LoadView[] }) {
  return <DataTable label="Loads" first={20} rows={loads} rowKey={(row) => row.segment} columns={loadColumns} />;
}

const syncColumns: readonly Column<SyncRun>[] = [
  { id: "sync", header: "Sync", cell: (row) => <RowLink to={syncPath(row.sync)}>{spaced(row.sync)}</RowLink>, value: (row) => row.sync },
  { id: "state", header: "State", nowrap: true, cell: (row) => <StatePill state={row.state} />, value: (row) => row.state },
  countColumn("delivered", "Delivered", (row) => row.delivered),
  countColumn("failed", "Failed", (row) => row.failed, { phone: "hide" }),
  countColumn("skipped", "Skipped", (row) => row.skipped, { phone: "hide" }),
  momentColumn("at", "Started", (row) => row.startedAt),
];

function SyncRuns({ runs }: { runs: readonly SyncRun[] }) {
  return <DataTable label="Sync runs" first={20} rows={runs} rowKey={(row) => `${row.sync}:${row.runId}`} columns={syncColumns} linked />;
}
