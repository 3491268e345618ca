import { Drawer } from "@mantine/core";
import type { DryRun } from "../../../../engine/src/server/contract.js";
import { formatCount, plural } from "../../format/numbers.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty, Problem } from "../../parts/notes.js";
import { Facts } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import { Plain, ValueTree } from "../../parts/value-tree.js";
import { BodyView } from "./body-view.js";
import style from "./syncs.module.css";

/** What would be sent, exactly, without sending it. */
export function DryRunDrawer(props: {
  opened: boolean;
  title: string;
  answer: DryRun | undefined;
  error: unknown;
  onClose: () => void;
  onRetry: () => void;
}) {
  return (
    <Drawer
      opened={props.opened}
      onClose={props.onClose}
      size={820}
      title={`Dry run of ${props.title}`}
      closeButtonProps={{ "aria-label": "Close dry run" }}
    >
      {props.answer !== undefined ? (
        <Detail answer={props.answer} />
      ) : props.error !== null ? (
        <Problem error={props.error} what="The dry run" retry={props.onRetry} />
      ) : (
        <RowsSkeleton />
      )}
    </Drawer>
  );
}

function Detail({ answer }: { answer: DryRun }) {
  return (
    <>
      <p className="soft" style={{ marginBottom: 14 }}>
        Nothing was sent. This is what the next run would do.
      </p>
      <Facts
        facts={[
          { label: "Added", value: formatCount(answer.added) },
          { label: "Changed", value: formatCount(answer.changed) },
          { label: "Removed", value: formatCount(answer.removed) },
          { label: "Unchanged", value: formatCount(answer.unchanged) },
        ]}
      />
      {answer.guard === null ? null : (
        <div className={style["banner"]}>
          <span>
            {answer.guard.stops ? <Pill tone="warn">guard stops it</Pill> : <Pill tone="ok">guard lets it through</Pill>}{" "}
            {answer.guard.sentence}
          </span>
        </div>
      )}
      {answer.problems.length === 0 ? null : (
        <section className={style["section"]}>
          <h3>Rows that would not go</h3>
          <DataTable
            label="Rows that would not go"
            rows={answer.problems}
            rowKey={(row) => row.key}
            columns={[
              { id: "key", header: "Row", cell: (row) => <code>{row.key}</code>, value: (row) => row.key },
              { id: "reason", header: "Reason", cell: (row) => row.reason, value: (row) => row.reason },
            ]}
          />
        </section>
      )}
      <section className={style["section"]}>
        <h3>
          {answer.requestsTotal === 0
            ? "Requests"
            : `Requests, the first ${plural(answer.requests.length, "one")} of ${formatCount(answer.requestsTotal)}`}
        </h3>
        {answer.requests.length === 0 ? <Empty title="No request">The destination already holds every row as it should be.</Empty> : null}
        {answer.requests.map((request, index) => (
          <details key={request.requestId} className={style["dryRequest"]} open={index === 0}>
            <summary>
              <span className={style["method"]}>{request.method}</span> <code>{request.url}</code>
            </summary>
            <div>
              <BodyView body={request.requestBody} empty="No body." />
              <h4 style={{ margin: "12px 0 4px" }}>Headers</h4>
              <ValueTree value={request.requestHeaders} />
            </div>
          </details>
        ))}
      </section>
      {answer.rows.length === 0 ? null : (
        <section className={style["section"]}>
          <h3>Rows as they would be sent</h3>
          <DataTable
            label="Rows as they would be sent"
            rows={answer.rows}
            rowKey={(row) => row.key}
            columns={[
              { id: "key", header: "Row", cell: (row) => <code>{row.key}</code>, value: (row) => row.key },
              {
                id: "change",
                header: "Change",
                nowrap: true,
                cell: (row) => <Pill tone={row.change === "remove" ? "warn" : "ok"}>{row.change}</Pill>,
                value: (row) => row.change,
              },
              { id: "fields", header: "Fields", cell: (row) => <Plain value={row.fields} /> },
            ]}
          />
        </section>
      )}
    </>
  );
}
