import { Drawer } from "@mantine/core";
import type { RequestRow } from "../../../../engine/src/server/contract.js";
import { formatSeconds } from "../../format/numbers.js";
import { Pill } from "../../parts/pill.js";
import { Clock } from "../../parts/time.js";
import { ValueTree } from "../../parts/value-tree.js";
import { BodyView } from "./body-view.js";
import style from "./syncs.module.css";

/** One request and its answer as they went over the wire, secrets redacted. */
export function RequestDrawer({ request, onClose }: { request: RequestRow | null; onClose: () => void }) {
  return (
    <Drawer
      opened={request !== null}
      onClose={onClose}
      size={720}
      title="Request and answer"
      closeButtonProps={{ "aria-label": "Close request" }}
    >
      {request === null ? null : <Detail request={request} />}
    </Drawer>
  );
}

export function StatusPill({ status, error }: { status: number | null; error: string | null }) {
  if (status === null) return <Pill tone="error">{error === null ? "no answer" : "failed"}</Pill>;
  return <Pill tone={status < 300 ? "ok" : status === 429 || status >= 500 ? "warn" : status >= 400 ? "error" : "plain"}>{status}</Pill>;
}

function Detail({ request }: { request: RequestRow }) {
  return (
    <>
      <div className={style["request"]}>
        <span className={style["method"]}>{request.method}</span>
        <code>{request.url}</code>
      </div>
      <p className="soft">
        <StatusPill status={request.status} error={request.error} /> in {formatSeconds(request.millis / 1000)}, run {request.runId},{" "}
        <Clock at={request.happenedAt} />
      </p>
      {request.error === null ? null : <p style={{ color: "var(--clay)", marginTop: 8 }}>{request.error}</p>}
      <section className={style["section"]}>
        <h3>Request body</h3>
        <BodyView body={request.requestBody} empty="No body." />
      </section>
      <section className={style["section"]}>
        <h3>Request headers</h3>
        <ValueTree value={request.requestHeaders} />
      </section>
      <section className={style["section"]}>
        <h3>Answer</h3>
        <BodyView body={request.responseBody} empty="No body." />
      </section>
      <section className={style["section"]}>
        <h3>Answer headers</h3>
        <ValueTree value={request.responseHeaders} />
      </section>
    </>
  );
}
