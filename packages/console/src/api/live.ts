import type { QueryClient } from "@tanstack/react-query";
import type { EventRow, StreamMessage } from "../../../engine/src/server/contract.js";

/**
 * The engine's stream: keeps one connection, says whether it stands, hands new events to whoever shows them, and marks
 * what a cycle changed as stale. Invalidations are gathered, so that a cycle a second does not mean a reload a second.
 */

export type LiveState = "connecting" | "live" | "disconnected";

const flushAfterMs = 2500;
const reconnectFirstMs = 1000;
const reconnectMaxMs = 15_000;
const types = ["hello", "load", "cycle", "sync", "overview", "events", "project"] as const;

/** What of the cache each message makes stale, by the first word of the key. */
const stale: Record<StreamMessage["type"], readonly string[]> = {
  hello: [],
  load: ["runs", "quarantine"],
  cycle: ["runs", "entities", "profile", "scores", "score", "audiences", "audience", "explain"],
  sync: ["runs", "syncs", "sync"],
  overview: [],
  events: [],
  project: ["project", "scores", "audiences", "syncs", "overview"],
};

export type EventsListener = (events: readonly EventRow[], more: number) => void;

export class Live {
  readonly #client: QueryClient;
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<EventsListener>();
  readonly #pending = new Set<string>();
  #state: LiveState = "connecting";
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #flush: ReturnType<typeof setTimeout> | undefined;
  #waitMs = reconnectFirstMs;
  #wasLost = false;

  constructor(client: QueryClient) {
    this.#client = client;
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#connect();
  }

  get state(): LiveState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  onEvents(listener: EventsListener): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  close(): void {
    this.#source?.close();
    clearTimeout(this.#retry);
    clearTimeout(this.#flush);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  #connect(): void {
    const source = new EventSource("/api/stream");
    this.#source = source;
    source.onopen = () => {
      this.#waitMs = reconnectFirstMs;
      this.#become("live");
      // What happened while the line was down is not repeated: everything on the screen asks again.
      if (this.#wasLost) void this.#client.invalidateQueries();
      this.#wasLost = false;
    };
    source.onerror = () => {
      this.#wasLost = true;
      this.#become("disconnected");
      source.close();
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#connect(), this.#waitMs);
      this.#waitMs = Math.min(this.#waitMs * 2, reconnectMaxMs);
    };
    for (const type of types) source.addEventListener(type, (event) => this.#take(JSON.parse(event.data as string) as StreamMessage));
  }

  #take(message: StreamMessage): void {
    if (message.type === "overview") this.#client.setQueryData(["overview"], message.overview);
    if (message.type === "events") for (const listener of this.#eventListeners) listener(message.events, message.more);
    for (const key of stale[message.type]) this.#pending.add(key);
    if (this.#pending.size > 0 && this.#flush === undefined) this.#flush = setTimeout(this.#invalidate, flushAfterMs);
  }

  readonly #invalidate = (): void => {
    this.#flush = undefined;
    // A hidden tab collects and catches up when it is looked at again.
    if (document.hidden) return;
    const keys = new Set(this.#pending);
    this.#pending.clear();
    void this.#client.invalidateQueries({ predicate: (query) => keys.has(String(query.queryKey[0])) }, { cancelRefetch: false });
  };

  readonly #onVisible = (): void => {
    if (!document.hidden && this.#pending.size > 0) this.#invalidate();
  };

  #become(state: LiveState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
