import type { EventRow, EventsRequest } from "../../../../engine/src/server/contract.js";

/** The rows of the stream as a pure state: what is shown, what waits while paused. Bounded, newest first. */

export const rowsMax = 2000;

export interface Feed {
  readonly rows: readonly EventRow[];
  /** Arrived while paused. */
  readonly held: readonly EventRow[];
  /** Stored, but not part of the batches that the stream carries. */
  readonly unseen: number;
}

export const emptyFeed: Feed = { rows: [], held: [], unseen: 0 };

export function startFeed(rows: readonly EventRow[]): Feed {
  return { rows: rows.slice(0, rowsMax), held: [], unseen: 0 };
}

export function addNewest(feed: Feed, events: readonly EventRow[], more: number, paused: boolean): Feed {
  const known = new Set([...feed.held, ...feed.rows.slice(0, 500)].map((row) => row.messageId));
  const fresh = newestFirst(events.filter((event) => !known.has(event.messageId)));
  const unseen = feed.unseen + more;
  if (paused) return { ...feed, held: [...fresh, ...feed.held].slice(0, rowsMax), unseen };
  return { rows: [...fresh, ...feed.rows].slice(0, rowsMax), held: [], unseen };
}

export function addOlder(feed: Feed, events: readonly EventRow[]): Feed {
  return { ...feed, rows: [...feed.rows, ...events].slice(0, rowsMax) };
}

export function release(feed: Feed): Feed {
  return { ...feed, rows: [...feed.held, ...feed.rows].slice(0, rowsMax), held: [] };
}

/** The filter that the engine applies to stored events, applied to those that arrive. */
export function matches(event: EventRow, filter: EventsRequest): boolean {
  if (filter.source !== undefined && event.source !== filter.source) return false;
  if (filter.type !== undefined && event.type !== filter.type) return false;
  if (filter.event !== undefined && event.event !== filter.event) return false;
  if (filter.user !== undefined && ![event.userId, event.anonymousId, event.email].includes(filter.user)) return false;
  return filter.text === undefined || JSON.stringify(event).toLowerCase().includes(filter.text.toLowerCase());
}

function newestFirst(events: readonly EventRow[]): EventRow[] {
  return [...events].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0));
}
