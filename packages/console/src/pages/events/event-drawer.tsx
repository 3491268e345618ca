import { Button, CopyButton, Drawer } from "@mantine/core";
import { Link } from "react-router";
import type { EventRow, Json } from "../../../../engine/src/server/contract.js";
import { useEvent } from "../../api/queries.js";
import { entityPath } from "../../paths.js";
import { Empty, Problem } from "../../parts/notes.js";
import { Pill } from "../../parts/pill.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import { Ago, Clock } from "../../parts/time.js";
import { ValueTree } from "../../parts/value-tree.js";
import parts from "../../parts/parts.module.css";
import style from "./events.module.css";

/** One event, readable: who, when, and each part of its payload as names and values. */
export function EventDrawer({ messageId, onClose }: { messageId: string | null; onClose: () => void }) {
  const { data, error, refetch } = useEvent(messageId);
  const event = data?.events[0];
  return (
    <Drawer
      opened={messageId !== null}
      onClose={onClose}
      size={620}
      title={event?.event ?? event?.type ?? "Event"}
      closeButtonProps={{ "aria-label": "Close event" }}
    >
      {event !== undefined ? (
        <Payload event={event} />
      ) : error !== null ? (
        <Problem error={error} what="The event" retry={() => void refetch()} />
      ) : data !== undefined ? (
        <Empty title="Not found">No stored event has this message id. It may be a duplicate that was dropped, or in quarantine.</Empty>
      ) : (
        <RowsSkeleton />
      )}
    </Drawer>
  );
}

function Payload({ event }: { event: EventRow }) {
  return (
    <>
      <dl className={parts["definition"]}>
        <Row name="Call">
          <Pill>{event.type}</Pill> from {event.source}
        </Row>
        <Row name="Happened">
          <Clock at={event.timestamp} />{" "}
          <span className="faint">
            (<Ago at={event.timestamp} />)
          </span>{" "}
          {event.timeFlag === null ? null : <Pill tone="warn">clock {event.timeFlag}</Pill>}
        </Row>
        <Row name="Received">
          <Clock at={event.receivedAt} />
        </Row>
        <Identifier name="User id" value={event.userId} />
        <Identifier name="E-mail" value={event.email} />
        <Identifier name="Anonymous id" value={event.anonymousId} />
        {event.groupId === null ? null : <Row name="Group id">{event.groupId}</Row>}
        <Row name="Message id">
          <code>{event.messageId}</code>
        </Row>
      </dl>
      <Section title="Properties" value={event.properties} />
      <Section title="Traits" value={event.traits} />
      <Section title="Context" value={event.context} />
      <Section title="Integrations" value={event.integrations} />
      <div style={{ marginTop: 24 }}>
        <CopyButton value={JSON.stringify(event, null, 2)}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy}>
              {copied ? "Copied" : "Copy as JSON"}
            </Button>
          )}
        </CopyButton>
      </div>
    </>
  );
}

function Identifier({ name, value }: { name: string; value: string | null }) {
  if (value === null) return null;
  return (
    <Row name={name}>
      <Link to={entityPath("user", value)}>{value}</Link>
    </Row>
  );
}

function Row({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Section({ title, value }: { title: string; value: Json }) {
  if (value === null || (typeof value === "object" && Object.keys(value).length === 0)) return null;
  return (
    <section className={style["section"]}>
      <h3>{title}</h3>
      <ValueTree value={value} />
    </section>
  );
}
