import type { FastifyReply, FastifyRequest } from "fastify";
import type { ServerResponse } from "node:http";
import { CambiumError } from "../base/errors.js";
import { isoOf } from "../base/instant.js";
import { sql } from "../warehouse/sql.js";
import type { StreamMessage } from "./contract.js";
import type { EngineEvent, EngineView } from "./engine-view.js";
import { readEvents } from "./queries/events.js";
import { readOverview } from "./queries/overview.js";
import { readCycles, readLoads, readSyncRuns } from "./queries/runs.js";
import type { Reads } from "./reads.js";

/**
 * Server-sent events: what the engine commits, read once and told to everyone who listens. Work is done only while
 * somebody listens, and at most one pass at a time: what happens during a pass is told by the next.
 */

const clientsMax = 50;
/** Newest events of a batch; the rest is counted. */
const eventsMax = 50;
/** Passes are this far apart at least, whatever the engine does. */
const passAfterMs = 250;
/** The overview is told when something happened, at most this often; and without anything at least this often. */
const overviewAfterMs = 1_000;
const overviewEveryMs = 5_000;
const heartbeatEveryMs = 15_000;
/** A client that reads this much too slowly is let go; its browser connects again. */
const pendingBytesMax = 1_000_000;

export class Stream {
  readonly #engine: EngineView;
  readonly #reads: Reads;
  readonly #onError: (where: string, thrown: unknown) => void;
  readonly #clients = new Set<ServerResponse>();
  readonly #pending: EngineEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #passing = false;
  #lastOverview = 0;
  #lastHeartbeat = 0;
  #toldLoad: number | undefined;
  #closed = false;

  constructor(engine: EngineView, reads: Reads, onError: (where: string, thrown: unknown) => void) {
    this.#engine = engine;
    this.#reads = reads;
    this.#onError = onError;
  }

  /** Takes over the answer until the client goes. */
  open(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#clients.size >= clientsMax) throw new CambiumError("BUSY", `${clientsMax} streams are open already`);
    reply.hijack();
    const response = reply.raw;
    for (const [header, value] of Object.entries(reply.getHeaders())) if (value !== undefined) response.setHeader(header, value);
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-accel-buffering", "no");
    response.writeHead(200);
    request.raw.socket.setNoDelay(true);
    this.#clients.add(response);
    response.on("close", () => this.#leave(response));
    this.#send(response, { type: "hello", at: isoOf(this.#engine.clock()), project: this.#engine.project().config.name });
    this.#lastOverview = 0;
    this.#schedule(0);
  }

  get size(): number {
    return this.#clients.size;
  }

  changed(event: EngineEvent): void {
    if (this.#clients.size === 0) return;
    // Loads are read by number, so one of them stands for all since the last pass.
    if (!(event.type === "load" && this.#pending.some((other) => other.type === "load"))) this.#pending.push(event);
    if (this.#pending.length > eventsMax) this.#pending.shift();
    this.#schedule(passAfterMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #leave(response: ServerResponse): void {
    this.#clients.delete(response);
    if (this.#clients.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.length = 0;
    this.#toldLoad = undefined;
  }

  /** The next pass comes this soon, or when it would have come anyway: a busy engine must not put it off for ever. */
  #schedule(afterMs: number): void {
    if (this.#closed || this.#clients.size === 0 || this.#passing) return;
    const due = performance.now() + afterMs;
    if (this.#timer !== undefined && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => void this.#pass(), afterMs);
    this.#timer.unref();
  }

  async #pass(): Promise<void> {
    this.#passing = true;
    this.#timer = undefined;
    const pending = this.#pending.splice(0);
    try {
      for (const event of pending) for (const message of await this.#messagesOf(event)) this.#tell(message);
      await this.#tellOverview(pending.length > 0);
    } catch (thrown) {
      // Whoever listens hears of the next pass.
      this.#onError("stream", thrown);
    } finally {
      this.#passing = false;
    }
    this.#heartbeat();
    this.#schedule(this.#pending.length > 0 ? passAfterMs : overviewEveryMs);
  }

  async #messagesOf(event: EngineEvent): Promise<StreamMessage[]> {
    switch (event.type) {
      case "load":
        return this.#loadMessages();
      case "cycle":
        return (await readCycles(this.#reads, sql`WHERE cycle_id = ${event.cycleId}`, 1)).map((cycle) => ({ type: "cycle", cycle }));
      case "sync":
        return (await readSyncRuns(this.#reads, [sql`sync = ${event.sync}`, sql`run_id = ${event.runId}`], 1)).map((run) => ({
          type: "sync",
          run,
        }));
      case "project":
        return [{ type: "project", fingerprint: event.fingerprint }];
    }
  }

  async #loadMessages(): Promise<StreamMessage[]> {
    const [load] = await readLoads(this.#reads, sql``, 1);
    if (load === undefined) return [];
    const after = this.#toldLoad ?? load.loadId - 1;
    this.#toldLoad = load.loadId;
    if (load.loadId <= after) return [];
    const range = sql`load_id > ${after} AND load_id <= ${load.loadId}`;
    const stored = await this.#reads.first<{ n: number }>(
      sql`/* events since the last batch */ SELECT coalesce(sum(stored), 0) AS n FROM ops.loads WHERE ${range}`,
    );
    const events = await readEvents(
      this.#reads,
      sql`WHERE ${range} ORDER BY load_id DESC, received_at DESC, message_id DESC LIMIT ${eventsMax}`,
    );
    const batch: StreamMessage[] =
      events.length === 0 ? [] : [{ type: "events", events, more: Math.max(0, (stored?.n ?? 0) - events.length) }];
    return [{ type: "load", load }, ...batch];
  }

  async #tellOverview(something: boolean): Promise<void> {
    const since = performance.now() - this.#lastOverview;
    if (this.#lastOverview > 0 && since < (something ? overviewAfterMs : overviewEveryMs - 100)) return;
    this.#lastOverview = performance.now();
    this.#tell({ type: "overview", overview: await readOverview(this.#engine, this.#reads) });
  }

  #tell(message: StreamMessage): void {
    const text = textOf(message);
    for (const client of this.#clients) this.#write(client, text);
  }

  #send(client: ServerResponse, message: StreamMessage): void {
    this.#write(client, textOf(message));
  }

  #write(client: ServerResponse, text: string): void {
    if (client.writableLength > pendingBytesMax) client.destroy();
    else client.write(text);
  }

  #comment(text: string): void {
    for (const client of this.#clients) this.#write(client, `: ${text}\n\n`);
  }

  #heartbeat(): void {
    if (performance.now() - this.#lastHeartbeat < heartbeatEveryMs) return;
    this.#lastHeartbeat = performance.now();
    this.#comment("still here");
  }
}

function textOf(message: StreamMessage): string {
  return `event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`;
}
