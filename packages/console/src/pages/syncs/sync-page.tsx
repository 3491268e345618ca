import { Button, Tabs, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import type { DeliveryRow, RequestRow, SyncDetail, SyncRequest, SyncRun } from "../../../../engine/src/server/contract.js";
import { useSync } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { formatCount, formatSeconds } from "../../format/numbers.js";
import { Answer } from "../../parts/answer.js";
import { countColumn, momentColumn } from "../../parts/columns.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { EntityLink } from "../../parts/entity-link.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Pager } from "../../parts/pager.js";
import { Facts, Panel, Stack } from "../../parts/panel.js";
import { StatePill } from "../../parts/pill.js";
import { RowButton } from "../../parts/row-link.js";
import { Ago, Clock } from "../../parts/time.js";
import { Versions } from "../../parts/versions.js";
import { MappingView } from "./mapping-view.js";
import { Outcomes } from "./outcomes.js";
import { RequestDrawer, StatusPill } from "./request-drawer.js";
import { SyncActions } from "./sync-actions.js";
import style from "./syncs.module.css";

export function SyncPage() {
  const { name = "" } = useParams();
  return <Sync key={name} name={name} />;
}

function Sync({ name }: { name: string }) {
  const [search] = useSearchParams();
  const [filter, setFilter] = useState<SyncRequest>(() => ({ ...(search.get("key") === null ? {} : { key: search.get("key") ?? "" }) }));
  const query = useSync(name, filter);
  return (
    <Answer query={query} what={`The sync “${name}”`}>
      {(sync) => <Loaded sync={sync} filter={filter} onFilter={setFilter} />}
    </Answer>
  );
}

function Loaded({ sync, filter, onFilter }: { sync: SyncDetail; filter: SyncRequest; onFilter: (filter: SyncRequest) => void }) {
  const [tab, setTab] = useState<string | null>(filter.key === undefined ? "runs" : "rows");
  const narrow = (change: SyncRequest): void => {
    onFilter(change);
    setTab("rows");
  };
  return (
    <>
      <PageHeader
        title={sync.title}
        crumbs={[{ label: "Syncs", to: "/syncs" }]}
        lead={
          <p>
            {sync.description === null ? "" : `${sync.description} `}
            From {sync.from} to {sync.destination.title} ({sync.destination.type}
            {sync.destination.action === null ? "" : `, ${spaced(sync.destination.action)}`}), mode {spaced(sync.mode)}.
          </p>
        }
        actions={<SyncActions sync={sync} />}
      />
      {sync.health.state === "ok" ? null : (
        <div className={style["banner"]} data-tone={sync.health.state} role="status">
          <span>{sync.health.sentence}</span>
        </div>
      )}
      <Facts
        facts={[
          { label: "State", value: <StatePill state={sync.enabled ? sync.state : "disabled"} /> },
          { label: "Held at the destination", value: formatCount(sync.confirmed) },
          { label: "Waiting for another try", value: formatCount(sync.waiting) },
          { label: "Refused until they change", value: formatCount(sync.refused) },
          { label: "Last run", value: <Ago at={sync.lastRun?.startedAt ?? null} /> },
        ]}
      />
      <Stack>
        <Panel title="Rows by outcome" note="All that was ever tried. Choose one to see its rows.">
          <Outcomes
            outcomes={sync.outcomes}
            chosen={filter.outcome}
            onChoose={(outcome) => narrow(outcome === undefined ? {} : { outcome })}
          />
        </Panel>
        <Errors sync={sync} onChoose={(outcome, reason) => narrow({ outcome, reason })} />
        <Tabs value={tab} onChange={setTab} keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="runs">Runs</Tabs.Tab>
            <Tabs.Tab value="rows">Rows</Tabs.Tab>
            <Tabs.Tab value="requests">Requests</Tabs.Tab>
            <Tabs.Tab value="definition">Definition</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="runs">
            <Panel title="Runs" flush>
              <RunsTable runs={sync.runs} onRun={(run) => narrow({ run })} />
            </Panel>
          </Tabs.Panel>
          <Tabs.Panel value="rows">
            <Rows sync={sync} filter={filter} onFilter={onFilter} />
          </Tabs.Panel>
          <Tabs.Panel value="requests">
            <Requests requests={sync.requests} />
          </Tabs.Panel>
          <Tabs.Panel value="definition">
            <Stack>
              <Panel title="Fields" note="Each field of the destination and where its value comes from.">
                <MappingView sync={sync} />
              </Panel>
              <Panel title="Versions">
                <Versions versions={sync.definition.versions} />
              </Panel>
            </Stack>
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </>
  );
}

function Errors({ sync, onChoose }: { sync: SyncDetail; onChoose: (outcome: string, reason: string) => void }) {
  if (sync.errors.length === 0) return null;
  return (
    <Panel title="Errors" note="Grouped by what the destination said." flush>
      <DataTable
        label="Errors"
        rows={sync.errors}
        rowKey={(row) => `${row.outcome}:${row.reason}`}
        linked
        columns={[
          {
            id: "reason",
            header: "Answer",
            cell: (row) => <RowButton onClick={() => onChoose(row.outcome, row.reason)}>{row.reason}</RowButton>,
            value: (row) => row.reason,
          },
          {
            id: "outcome",
            header: "Outcome",
            nowrap: true,
            phone: "hide",
            cell: (row) => <StatePill state={row.outcome} />,
            value: (row) => row.outcome,
          },
          {
            id: "status",
            header: "Status",
            align: "right",
            phone: "hide",
            cell: (row) => row.status ?? <span className="faint">none</span>,
            value: (row) => row.status,
          },
          countColumn("count", "Rows", (row: SyncDetail["errors"][number]) => row.count),
          { id: "example", header: "For example", phone: "hide", cell: (row) => <code>{row.exampleKey}</code> },
          momentColumn("newest", "Newest", (row: SyncDetail["errors"][number]) => row.newestAt),
        ]}
      />
    </Panel>
  );
}

export function RunsTable({ runs, onRun }: { runs: readonly SyncRun[]; onRun: (run: number) => void }) {
  if (runs.length === 0)
    return <Empty title="Not run yet">It runs by itself after the cycle that changes its rows; a dry run shows what it will send.</Empty>;
  const columns: Column<SyncRun>[] = [
    {
      id: "run",
      header: "Run",
      nowrap: true,
      cell: (row) => <RowButton onClick={() => onRun(row.runId)}>{`Run ${row.runId}`}</RowButton>,
      value: (row) => row.runId,
    },
    {
      id: "state",
      header: "State",
      cell: (row) => (
        <>
          <StatePill state={row.state} />{" "}
          {row.message === null ? null : (
            <span className="faint" data-phone="hide">
              {row.message}
            </span>
          )}
        </>
      ),
      value: (row) => row.state,
    },
    countColumn("added", "Added", (row) => row.added, { phone: "hide" }),
    countColumn("changed", "Changed", (row) => row.changed, { phone: "hide" }),
    countColumn("removed", "Removed", (row) => row.removed, { phone: "hide" }),
    countColumn("delivered", "Delivered", (row) => row.delivered),
    countColumn("failed", "Failed", (row) => row.failed, { alarm: "clay" }),
    countColumn("skipped", "Skipped", (row) => row.skipped, { phone: "hide" }),
    { id: "took", header: "Took", align: "right", phone: "hide", nowrap: true, cell: (row) => tookOf(row) },
    momentColumn("at", "Started", (row) => row.startedAt),
  ];
  return <DataTable label="Runs" first={15} rows={runs} rowKey={(row) => `${row.sync}:${row.runId}`} columns={columns} linked />;
}

function tookOf(run: SyncRun) {
  return run.finishedAt === null ? (
    <span className="faint">running</span>
  ) : (
    formatSeconds((Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000)
  );
}

const deliveryColumns: readonly Column<DeliveryRow>[] = [
  {
    id: "key",
    header: "Row",
    cell: (row) => (row.entity === null ? <code>{row.key}</code> : <EntityLink entity={row.entity} />),
    value: (row) => row.key,
  },
  { id: "outcome", header: "Outcome", nowrap: true, cell: (row) => <StatePill state={row.outcome} />, value: (row) => row.outcome },
  { id: "change", header: "Change", phone: "hide", cell: (row) => row.change, value: (row) => row.change },
  {
    id: "reason",
    header: "Answer",
    phone: "hide",
    cell: (row) => [row.status, row.reason].filter((part) => part !== null).join(" ") || <span className="faint">accepted</span>,
    value: (row) => row.reason,
  },
  { id: "run", header: "Run", align: "right", phone: "hide", cell: (row) => row.runId, value: (row) => row.runId },
  momentColumn("at", "When", (row) => row.happenedAt),
];

function Rows({ sync, filter, onFilter }: { sync: SyncDetail; filter: SyncRequest; onFilter: (filter: SyncRequest) => void }) {
  const [text, setText] = useState(filter.key ?? "");
  const [key] = useDebouncedValue(text.trim(), 250);
  useEffect(() => {
    if ((filter.key ?? "") === key) return;
    const { key: _key, page: _page, ...rest } = filter;
    onFilter(key === "" ? rest : { ...rest, key });
  }, [key]);
  const set = [filter.outcome, filter.reason, filter.run === undefined ? undefined : `run ${filter.run}`].filter(
    (part) => part !== undefined,
  );
  const { rows } = sync.deliveries;
  return (
    <Panel title="Rows" note="One per outcome, newest first." flush>
      <div className={style["filters"]}>
        <TextInput
          aria-label="Find a row by its key"
          placeholder="Key begins with"
          leftSection={<IconSearch size={15} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {set.length === 0 ? null : (
          <Button
            variant="light"
            size="sm"
            rightSection={<IconX size={14} aria-hidden />}
            onClick={() => onFilter(key === "" ? {} : { key })}
            styles={{ label: { overflow: "hidden", textOverflow: "ellipsis" } }}
            style={{ maxWidth: "100%" }}
          >
            {set.join(", ")}
            <span className="visually-hidden">, remove this filter</span>
          </Button>
        )}
      </div>
      {rows.length === 0 ? (
        set.length > 0 || key !== "" ? (
          <Empty title="No row matches">Remove the filter to see all rows.</Empty>
        ) : (
          <Empty title="No rows yet">They appear with the first run.</Empty>
        )
      ) : (
        <>
          <DataTable
            label="Rows"
            rows={rows}
            rowKey={(row) => `${row.runId}:${row.key}:${row.happenedAt}:${row.outcome}`}
            columns={deliveryColumns}
          />
          <Pager page={sync.deliveries} shown={rows.length} onPage={(page) => onFilter({ ...filter, page })} what="rows" />
        </>
      )}
    </Panel>
  );
}

function Requests({ requests }: { requests: readonly RequestRow[] }) {
  const [open, setOpen] = useState<RequestRow | null>(null);
  if (requests.length === 0) {
    return (
      <Panel title="Requests">
        <Empty title="No requests kept">Destinations that speak HTTP leave their newest requests here, secrets redacted.</Empty>
      </Panel>
    );
  }
  return (
    <Panel title="Requests" note="The newest kept, secrets redacted." flush>
      <DataTable
        label="Requests"
        rows={requests}
        rowKey={(row) => row.requestId}
        linked
        columns={[
          {
            id: "url",
            header: "Request",
            cell: (row) => (
              <RowButton onClick={() => setOpen(row)} label={`${row.method} ${row.url}, show request and answer`}>
                <span style={{ overflowWrap: "anywhere" }}>
                  <span className={style["method"]}>{row.method}</span> <code>{row.url}</code>
                </span>
              </RowButton>
            ),
            value: (row) => row.url,
          },
          {
            id: "status",
            header: "Answer",
            nowrap: true,
            cell: (row) => <StatusPill status={row.status} error={row.error} />,
            value: (row) => row.status,
          },
          {
            id: "millis",
            header: "Took",
            align: "right",
            phone: "hide",
            nowrap: true,
            cell: (row) => formatSeconds(row.millis / 1000),
            value: (row) => row.millis,
          },
          { id: "run", header: "Run", align: "right", phone: "hide", cell: (row) => row.runId, value: (row) => row.runId },
          {
            id: "at",
            header: "When",
            align: "right",
            nowrap: true,
            cell: (row) => <Clock at={row.happenedAt} />,
            value: (row) => row.happenedAt,
          },
        ]}
      />
      <RequestDrawer request={open} onClose={() => setOpen(null)} />
    </Panel>
  );
}
