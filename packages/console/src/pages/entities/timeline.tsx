import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import type { AudienceChange, EventRow, Profile, Timeline } from "../../../../engine/src/server/contract.js";
import { useTimeline } from "../../api/queries.js";
import { reasonWords } from "../../format/reasons.js";
import { formatLongDay } from "../../format/times.js";
import { audiencePath } from "../../paths.js";
import { Empty } from "../../parts/notes.js";
import { Pill } from "../../parts/pill.js";
import { Clock, useTimezone } from "../../parts/time.js";
import { EventDrawer } from "../events/event-drawer.js";
import { RowButton } from "../../parts/row-link.js";
import style from "./profile.module.css";

/** Events and audience changes of one entity on one line through time, newest first, by day. */

type Item = { readonly at: string; readonly event: EventRow } | { readonly at: string; readonly change: AudienceChange };

export function ProfileTimeline({ profile, limit }: { profile: Profile; limit?: number }) {
  const timezone = useTimezone();
  const [open, setOpen] = useState<string | null>(null);
  // Older pages continue where the first page ended when they were asked for; newer first pages only add to it.
  const [base, setBase] = useState<Timeline | null>(null);
  const more = useTimeline(profile.kind, profile.key, base ?? profile.timeline);
  const pages = base === null ? [] : (more.data?.pages ?? []);
  const events = unique([...profile.timeline.events, ...(base?.events ?? []), ...pages.flatMap((page) => page.events)]);
  const oldest = events.reduce((least, event) => (event.timestamp < least ? event.timestamp : least), events[0]?.timestamp ?? "");
  const complete = (base ?? profile.timeline).next === null || (more.data !== undefined && base !== null && !more.hasNextPage);
  const items: Item[] = [
    ...events.map((event) => ({ at: event.timestamp, event })),
    ...profile.audienceChanges
      .filter((change) => complete || change.happenedAt >= oldest)
      .map((change) => ({ at: change.happenedAt, change })),
  ].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  if (items.length === 0) return <Empty title="No events">Nothing has been seen of this {profile.title.toLowerCase()} yet.</Empty>;
  const shown = limit === undefined ? items : items.slice(0, limit);
  return (
    <>
      <div>
        {byDay(shown, timezone).map(([day, of]) => (
          <section key={day} aria-label={day}>
            <h3 className={style["day"]}>{day}</h3>
            <ul className={style["items"]}>
              {of.map((item) => (
                <TimelineItem
                  of={profile.key}
                  key={"event" in item ? item.event.messageId : `change-${item.change.changeId}`}
                  item={item}
                  onOpen={setOpen}
                />
              ))}
            </ul>
          </section>
        ))}
      </div>
      {limit !== undefined || complete ? null : (
        <Button
          mt="md"
          size="xs"
          variant="default"
          loading={more.isFetching}
          onClick={() => {
            setBase((current) => current ?? profile.timeline);
            void (more.data === undefined ? more.refetch() : more.fetchNextPage());
          }}
        >
          Load older
        </Button>
      )}
      <EventDrawer messageId={open} onClose={() => setOpen(null)} />
    </>
  );
}

function TimelineItem({ item, of, onOpen }: { item: Item; of: string; onOpen: (messageId: string) => void }) {
  if ("change" in item) {
    const { change } = item;
    return (
      <li className={style["item"]} data-what={change.change}>
        <span>
          {change.change === "entered" ? "Entered" : "Left"} <Link to={audiencePath(change.audience)}>{change.audienceTitle}</Link>
        </span>
        <span className="soft">{reasonWords(change.reason)}</span>
        <span className={`${style["end"]} faint`}>
          <Clock at={change.happenedAt} />
        </span>
      </li>
    );
  }
  const { event } = item;
  const who = event.userId ?? event.email ?? event.anonymousId;
  return (
    <li className={style["item"]}>
      <RowButton onClick={() => onOpen(event.messageId)}>{event.event ?? event.type}</RowButton>
      {event.type === "track" ? null : <Pill>{event.type}</Pill>}
      {who === of ? null : <span className="faint">{who}</span>}
      <span className={`${style["end"]} faint`}>
        <Clock at={event.timestamp} />
      </span>
    </li>
  );
}

function unique(events: readonly EventRow[]): EventRow[] {
  return [...new Map(events.map((event) => [event.messageId, event])).values()];
}

function byDay(items: readonly Item[], timezone: string): [string, Item[]][] {
  const days = new Map<string, Item[]>();
  for (const item of items) {
    const day = formatLongDay(Date.parse(item.at), timezone);
    days.set(day, [...(days.get(day) ?? []), item]);
  }
  return [...days.entries()];
}
