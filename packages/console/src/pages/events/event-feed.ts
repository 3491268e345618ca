import type { EventRow, EventsRequest } from "../../../../engine/src/server/contract.js";

/** The rows of the stream as a pure state: what is shown, what waits while paused. Bounded, newest first, each event once. */

export const rowsMax = 2000;

export interface Feed {
  readonly rows: readonly EventRow[];
  /** Arrived while paused. */
  readonly held: readonly EventRow[];
  /** Message ids of the newest batch, to be pointed out for a moment. */
  readonly fresh: ReadonlySet<string>;
  /** Stored, but not part of the batches that the stream carries. */
  readonly unseen: number;
}

const nothingFresh: ReadonlySet<string> = new Set();

export const emptyFeed: Feed = { rows: [], held: [], fresh: nothingFresh, unseen: 0 };

export function startFeed(rows: readonly EventRow[]): Feed {
  return { ...emptyFeed, rows: once(rows).slice(0, rowsMax) };
}

export function addNewest(feed: Feed, events: readonly EventRow[], more: number, paused: boolean): Feed {
  const known = new Set([...feed.held, ...feed.rows].map((row) => row.messageId));
  const added = newestFirst(once(events).filter((event) => !known.has(event.messageId)));
  const unseen = feed.unseen + more;
  if (paused) return { ...feed, held: [...added, ...feed.held].slice(0, rowsMax), unseen };
  return { rows: [...added, ...feed.rows].slice(0, rowsMax), held: [], fresh: new Set(added.map((row) => row.messageId)), unseen };
}

export function addOlder(feed: Feed, events: readonly EventRow[]): Feed {
  return { ...feed, rows: once([...feed.rows, ...events]).slice(0, rowsMax) };
}

export function release(feed: Feed): Feed {
  return { ...feed, rows: [...feed.held, ...feed.rows].slice(0, rowsMax), held: [], fresh: new Set(feed.held.map((row) => row.messageId)) };
}

/** The filter that the engine applies to stored events, applied to those that arrive. */
export function matches(event: EventRow, filter: EventsRequest): boolean {
  if (filter.source !== undefined && event.source !== filter.source) return false;
  if (filter.type !== undefined && event.type !== filter.type) return false;
  if (filter.event !== undefined && event.event !== filter.event) return false;
  if (filter.user !== undefined && ![event.userId, event.anonymousId, event.email].includes(filter.user)) return false;
  return filter.text === undefined || JSON.stringify(event).toLowerCase().includes(filter.text.toLowerCase());
}

function once(events: readonly EventRow[]): EventRow[] {
  return [...new Map(events.map((event) => [event.messageId, event])).values()];
}

function newestFirst(events: readonly EventRow[]): EventRow[] {
  return [...events].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0));
}
