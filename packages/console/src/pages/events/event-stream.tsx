import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import type { EventRow, EventsPage, EventsRequest } from "../../../../engine/src/server/contract.js";
import { get } from "../../api/client.js";
import { useLiveEvents } from "../../api/live-context.js";
import { useEvents } from "../../api/queries.js";
import { formatCount, plural } from "../../format/numbers.js";
import { Empty, Problem } from "../../parts/notes.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import { Clock } from "../../parts/time.js";
import { addNewest, addOlder, emptyFeed, matches, release, startFeed } from "./event-feed.js";
import style from "./events.module.css";

const pageRows = 100;

export function EventStream({ onOpen }: { onOpen: (messageId: string) => void }) {
  const [filter, setFilter] = useState<EventsRequest>({});
  const [applied] = useDebouncedValue(filter, 250);
  const [paused, setPaused] = useState(false);
  const [feed, setFeed] = useState(emptyFeed);
  const [older, setOlder] = useState<string | null>(null);
  const [olderError, setOlderError] = useState<unknown>(null);
  const query = useEvents({ ...applied, limit: pageRows });
  const { data, isPlaceholderData } = query;

  useEffect(() => {
    if (data === undefined || isPlaceholderData) return;
    setFeed(startFeed(data.events));
    setOlder(data.next);
  }, [data, isPlaceholderData]);

  useLiveEvents((events, more) => {
    const wanted = events.filter((event) => matches(event, applied));
    setFeed((current) => addNewest(current, wanted, more, paused));
  });

  const loadOlder = async (): Promise<void> => {
    if (older === null) return;
    try {
      const answer = await get<EventsPage>("/api/events", { ...applied, before: older, limit: pageRows });
      setFeed((current) => addOlder(current, answer.events));
      setOlder(answer.next);
      setOlderError(null);
    } catch (error) {
      setOlderError(error);
    }
  };

  const change = (field: keyof EventsRequest) => (value: string | null) => {
    setFilter((current) => {
      const { [field]: _dropped, ...rest } = current;
      return value === null || value === "" ? rest : { ...rest, [field]: value };
    });
  };
  const resume = (): void => {
    setPaused(!paused);
    if (paused) setFeed(release);
  };

  if (data === undefined && query.error !== null) {
    return (
      <Panel>
        <Problem error={query.error} what="The events" retry={() => void query.refetch()} />
      </Panel>
    );
  }
  const filtered = Object.keys(applied).length > 0;
  return (
    <Panel flush>
      <div className={style["filters"]} style={{ paddingTop: 6 }} role="search" aria-label="Filter events">
        <TextInput
          label="Search"
          placeholder="Name, id or property"
          leftSection={<IconSearch size={15} aria-hidden />}
          value={filter.text ?? ""}
          onChange={(event) => change("text")(event.currentTarget.value)}
        />
        <Select
          label="Event"
          placeholder="Any"
          data={data?.facets.events ?? []}
          searchable
          clearable
          value={filter.event ?? null}
          onChange={change("event")}
        />
        <Select
          label="Call"
          placeholder="Any"
          data={data?.facets.types ?? []}
          clearable
          value={filter.type ?? null}
          onChange={change("type")}
        />
        <Select
          label="Source"
          placeholder="Any"
          data={data?.facets.sources ?? []}
          clearable
          value={filter.source ?? null}
          onChange={change("source")}
        />
        <TextInput
          label="User"
          placeholder="Id or e-mail, exact"
          value={filter.user ?? ""}
          onChange={(event) => change("user")(event.currentTarget.value.trim())}
        />
        <Button
          variant={paused ? "filled" : "default"}
          leftSection={paused ? <IconPlayerPlay size={15} aria-hidden /> : <IconPlayerPause size={15} aria-hidden />}
          onClick={resume}
          aria-pressed={paused}
        >
          {paused ? "Resume" : "Pause"}
        </Button>
      </div>
      {paused && feed.held.length > 0 ? (
        <button type="button" className={style["held"]} onClick={() => setFeed(release)}>
          Show {plural(feed.held.length, "new event")}
        </button>
      ) : null}
      {data === undefined ? (
        <RowsSkeleton rows={10} />
      ) : feed.rows.length === 0 && !isPlaceholderData ? (
        filtered ? (
          <Empty
            title="No event matches"
            action={
              <Button size="xs" variant="default" onClick={() => setFilter({})}>
                Clear the filter
              </Button>
            }
          >
            Looked through the newest {formatCount(data.searched)} events. New ones that match appear here at once.
          </Empty>
        ) : (
          <Empty title="No events yet">
            Point any Segment SDK at this collector with a write key of <code>sources/*.yml</code>; the first event shows up here within a
            second.
          </Empty>
        )
      ) : (
        <Rows rows={feed.rows} fresh={feed.fresh} onOpen={onOpen} />
      )}
      <div className={style["bar"]}>
        <span className="num" role="status">
          {plural(feed.rows.length, "event")} shown{data === undefined ? "" : ` of ${formatCount(data.total)} stored`}
          {feed.unseen > 0 ? `, ${formatCount(feed.unseen)} arrived too fast to list` : ""}
        </span>
        {olderError === null ? null : <span role="alert">Older events could not be loaded. Try again.</span>}
        {older === null ? null : (
          <Button size="compact-sm" variant="default" onClick={() => void loadOlder()}>
            Load older
          </Button>
        )}
      </div>
    </Panel>
  );
}

function Rows({ rows, fresh, onOpen }: { rows: readonly EventRow[]; fresh: ReadonlySet<string>; onOpen: (messageId: string) => void }) {
  const scroll = useRef<HTMLDivElement>(null);
  const narrow = useMediaQuery("(max-width: 860px)", undefined, { getInitialValueInEffect: false });
  const height = narrow === true ? 56 : 38;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: 12,
    getItemKey: (index) => rows[index]?.messageId ?? index,
  });
  useEffect(() => virtual.measure(), [height, virtual]);
  return (
    <div ref={scroll} className={style["scroll"]} role="region" aria-label="Event stream" tabIndex={0}>
      <ul className={style["list"]} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return row === undefined ? null : (
            <li
              key={item.key}
              className={style["row"]}
              data-fresh={fresh.has(row.messageId) || undefined}
              style={{ transform: `translateY(${item.start}px)` }}
              aria-setsize={rows.length}
              aria-posinset={item.index + 1}
            >
              <EventButton row={row} onOpen={onOpen} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function EventButton({ row, onOpen }: { row: EventRow; onOpen: (messageId: string) => void }) {
  const who = row.userId ?? row.email ?? row.anonymousId;
  return (
    <button type="button" className={style["event"]} onClick={() => onOpen(row.messageId)}>
      <span className={`${style["when"]} faint num`}>
        <Clock at={row.receivedAt} />
      </span>
      <span className={style["type"]}>
        <Pill tone={row.type === "track" ? "ok" : row.type === "identify" ? "cool" : "plain"}>{row.type}</Pill>
      </span>
      <span className={style["name"]}>{row.event ?? saidWords(row)}</span>
      <span className={style["user"]}>{who ?? "nobody"}</span>
      <span className={`${style["group"]} faint`}>{row.groupId}</span>
      <span className={`${style["source"]} faint`}>{row.source}</span>
    </button>
  );
}

/** Identify and group calls have no name: what they say is told instead. */
function saidWords(row: EventRow) {
  const said = row.traits !== null && typeof row.traits === "object" && !Array.isArray(row.traits) ? Object.keys(row.traits) : [];
  return <span className={style["said"]}>{said.length === 0 ? row.type : `says ${said.join(", ")}`}</span>;
}
