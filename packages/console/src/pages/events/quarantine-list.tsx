import { Button, Drawer } from "@mantine/core";
import { useState } from "react";
import type { QuarantinePage } from "../../../../engine/src/server/contract.js";
import { useQuarantine } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { formatCount } from "../../format/numbers.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty, Problem } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { RowButton } from "../../parts/row-link.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import { Ago } from "../../parts/time.js";
import parts from "../../parts/parts.module.css";
import style from "./events.module.css";

type Row = QuarantinePage["rows"][number];

/** Accepted, but not an event: kept whole with the reason, so that the sender can be repaired. */
export function QuarantineList() {
  const [reason, setReason] = useState<string | undefined>(undefined);
  const [open, setOpen] = useState<Row | null>(null);
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useQuarantine(reason);
  if (data === undefined) {
    return (
      <Panel flush>
        {error === null ? <RowsSkeleton /> : <Problem error={error} what="The quarantine" retry={() => void refetch()} />}
      </Panel>
    );
  }
  const rows = data.pages.flatMap((page) => page.rows);
  const reasons = data.pages[0]?.reasons ?? [];
  if (rows.length === 0 && reasons.length === 0) {
    return (
      <Panel>
        <Empty title="Nothing in quarantine">Everything that was accepted could be read as an event.</Empty>
      </Panel>
    );
  }
  return (
    <Panel flush>
      <div className={style["reasons"]} role="group" aria-label="Filter by reason" style={{ paddingTop: 6 }}>
        {reasons.map((each) => (
          <button
            key={each.reason}
            type="button"
            className={style["reason"]}
            aria-pressed={reason === each.reason}
            onClick={() => setReason(reason === each.reason ? undefined : each.reason)}
          >
            {spaced(each.reason)} <span className="num">{formatCount(each.count)}</span>
          </button>
        ))}
      </div>
      <DataTable
        label="Quarantined lines"
        rows={rows}
        rowKey={(row) => `${row.segment}:${row.line}`}
        linked
        columns={[
          {
            id: "reason",
            header: "Reason",
            nowrap: true,
            cell: (row) => <RowButton onClick={() => setOpen(row)}>{spaced(row.reason)}</RowButton>,
          },
          { id: "detail", header: "What was wrong", cell: (row) => row.detail ?? <span className="faint">no detail</span> },
          { id: "source", header: "Source", phone: "hide", cell: (row) => row.source ?? <span className="faint">unknown</span> },
          { id: "received", header: "Received", align: "right", nowrap: true, cell: (row) => <Ago at={row.receivedAt} empty="unknown" /> },
        ]}
      />
      {hasNextPage ? (
        <div className={style["bar"]}>
          <span />
          <Button size="compact-sm" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load older
          </Button>
        </div>
      ) : null}
      <Drawer
        opened={open !== null}
        onClose={() => setOpen(null)}
        size={620}
        title="Quarantined line"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {open === null ? null : <Detail row={open} />}
      </Drawer>
    </Panel>
  );
}

function Detail({ row }: { row: Row }) {
  return (
    <>
      <dl className={parts["definition"]}>
        <dt>Reason</dt>
        <dd>
          <Pill tone="warn">{spaced(row.reason)}</Pill>
        </dd>
        <dt>What was wrong</dt>
        <dd>{row.detail ?? "no detail"}</dd>
        <dt>Received</dt>
        <dd>
          <Ago at={row.receivedAt} empty="unknown" />
        </dd>
        <dt>Source</dt>
        <dd>{row.source ?? "unknown"}</dd>
        <dt>Message id</dt>
        <dd>{row.messageId === null ? "none" : <code>{row.messageId}</code>}</dd>
        <dt>Where</dt>
        <dd>
          segment <code>{row.segment}</code>, line {row.line}
        </dd>
      </dl>
      <section className={style["section"]}>
        <h3>As it was sent</h3>
        <pre className={parts["code"]} tabIndex={0}>
          {row.body ?? "The body was not readable and is not kept."}
        </pre>
      </section>
    </>
  );
}
