import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type ClickHouseClient, type ClickHouseSettings, createClient } from "@clickhouse/client";
import type { Gate } from "../gate.js";
import type { Cell } from "../warehouse.js";
import { Barrier } from "./barrier.js";
import { assertVersion, failureOf } from "./failure.js";
import { type Nodes, assertCluster } from "./nodes.js";
import { clusterSettings, sessionSettings } from "./settings.js";
import { Standing, madeIfMissing, standingColumns } from "./standing.js";
import { cellReader } from "./types.js";

/**
 * Statements to a ClickHouse server over HTTP, with errors as ours. Every statement is a request of its own: nothing is
 * kept on the server between two of them but tables.
 */

export interface ServerSettings {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** The cluster that the server is a node of, if tables stand on all of its nodes. */
  readonly cluster?: string | undefined;
}

/** Beside the session's settings: the writer's statement number (or what else `log_comment` carries), the default database. */
export interface StatementOptions {
  readonly database?: string | undefined;
  readonly comment?: string | undefined;
  readonly settings?: ClickHouseSettings;
  /** A UInt8 is a number, as whoever wrote the statement means it; in our own it is what comparisons give. */
  readonly smallNumbers?: boolean;
  /** Part of bringing a commit into the tables, while all others wait. */
  readonly publishes?: boolean;
}

export interface ResultColumn {
  readonly name: string;
  readonly type: string;
}

/** A statement of a full recompute may take long; a server that is gone is noticed by the connection. */
const requestMillisMax = 3_600_000;
const greetingMillisMax = 10_000;
const connectionsMax = 32;

const dropsForAll = /^\s*(?:\/\*.*?\*\/\s*)*(?:DROP|EXCHANGE|ALTER) .* ON CLUSTER /s;

export class Server {
  #settings: ServerSettings;
  #client: ClickHouseClient;
  #gate: Gate;
  #barrier = new Barrier();
  #nodes: Nodes | undefined;
  #standing: Standing | undefined;

  constructor(settings: ServerSettings, gate: Gate, millisMax = requestMillisMax) {
    this.#settings = settings;
    this.#gate = gate;
    this.#client = createClient({
      url: settings.url,
      username: settings.user,
      password: settings.password,
      application: "cambium",
      request_timeout: millisMax,
      max_open_connections: connectionsMax,
      clickhouse_settings: { ...sessionSettings, ...(settings.cluster !== undefined && clusterSettings) },
      compression: { request: false, response: false },
      log: { level: 127 },
    });
    const { cluster } = settings;
    if (cluster !== undefined)
      this.#standing = new Standing(() =>
        this.read(standingColumns(cluster), { settings: { skip_unavailable_shards: 1 }, publishes: true }),
      );
  }

  get user(): string {
    return this.#settings.user;
  }

  /** The cluster's nodes, as counted when the warehouse was opened. */
  get nodes(): Nodes {
    return this.#nodes ?? { replicas: 1, all: 1 };
  }

  /** Asks who is there, by a question that any version answers: without our settings. */
  async assertUsable(): Promise<void> {
    const { url, user: username, password, cluster } = this.#settings;
    let question = "";
    const client = createClient({ url, username, password, request_timeout: greetingMillisMax, log: { level: 127 } });
    const ask = async <Row>(query: string) => {
      question = query;
      return (await client.query({ query, format: "JSONEachRow" })).json<Row>();
    };
    try {
      const [row] = await ask<{ version: string }>("SELECT version() AS version");
      assertVersion(this.#settings, String(row?.version));
      if (cluster !== undefined) this.#nodes = await assertCluster(ask, url, cluster);
    } catch (thrown) {
      throw failureOf(this.#settings, question, thrown);
    } finally {
      await client.close();
    }
  }

  /** Resolves when the statement is done, with the number of rows it wrote where the server says. */
  async run(statement: string, options: StatementOptions = {}): Promise<number> {
    const thing = this.#standing === undefined ? undefined : madeIfMissing(statement);
    if (thing === undefined) {
      if (dropsForAll.test(statement)) this.#standing?.forget();
      return this.#send(statement, options);
    }
    if (await this.#standing?.has(thing)) return 0;
    const rows = await this.#send(statement, options);
    await this.#standing?.add(thing);
    return rows;
  }

  async #send(statement: string, options: StatementOptions): Promise<number> {
    return this.#pass(statement, options, async () => {
      const { summary } = await this.#client.command({ query: statement, ...parameters(options, { wait_end_of_query: 1 }) });
      return Number(summary?.written_rows ?? 0);
    });
  }

  /** A result of any size as columns and batches of rows, as they come. */
  async *rows(query: string, options: StatementOptions = {}): AsyncGenerator<{ columns: ResultColumn[]; rows: Cell[][] }> {
    const result = await this.#pass(query, options, () =>
      this.#client.query({ query, format: "JSONCompactEachRowWithNamesAndTypes", ...parameters(options) }),
    );
    let names: string[] | undefined;
    let columns: ResultColumn[] | undefined;
    let readers: ((value: unknown) => Cell)[] = [];
    try {
      for await (const batch of result.stream<unknown[]>()) {
        const rows: Cell[][] = [];
        for (const row of batch) {
          const values = row.json<unknown[]>();
          if (names === undefined) names = values.map(String);
          else if (columns === undefined) {
            columns = values.map((type, index) => ({ name: names?.[index] ?? "", type: String(type) }));
            readers = columns.map(({ type }) => cellReader(type, options.smallNumbers));
          } else rows.push(values.map((value, index) => (readers[index] as (value: unknown) => Cell)(value)));
        }
        if (columns !== undefined) yield { columns, rows };
      }
    } catch (thrown) {
      throw failureOf(this.#settings, query, thrown);
    } finally {
      result.close();
    }
  }

  /** The rows of a small result. */
  async read(query: string, options: StatementOptions = {}): Promise<Cell[][]> {
    const all: Cell[][] = [];
    for await (const { rows } of this.rows(query, options)) all.push(...rows);
    return all;
  }

  /** A result in a binary format, whole. */
  async bytes(query: string, format: string, options: StatementOptions = {}): Promise<Buffer> {
    return this.#pass(query, options, async () => {
      const { stream } = await this.#client.exec({ query: `${query}\nFORMAT ${format}`, ...parameters(options, { wait_end_of_query: 1 }) });
      return buffer(stream);
    });
  }

  /** A result in a binary format, as a file on this machine. The server finishes it first, so that what is sent is whole. */
  async download(query: string, format: string, file: string, options: StatementOptions = {}): Promise<void> {
    await this.#pass(query, options, async () => {
      const { stream } = await this.#client.exec({ query: `${query}\nFORMAT ${format}`, ...parameters(options, { wait_end_of_query: 1 }) });
      await pipeline(stream, createWriteStream(file));
    });
  }

  /** Sends rows in a format; `into` is the statement up to it. */
  async insert(
    into: string,
    format: string,
    rows: AsyncIterable<Buffer | string> | Iterable<Buffer | string>,
    options: StatementOptions = {},
  ): Promise<void> {
    const query = `${into} FORMAT ${format}`;
    await this.#pass(query, options, async () => {
      const { stream } = await this.#client.exec({
        query,
        values: Readable.from(rows, { objectMode: false }),
        ...parameters(options, { wait_end_of_query: 1 }),
      });
      await buffer(stream);
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Runs `work`, whose statements say `publishes`, while all others wait. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#barrier.closed(work);
  }

  async #pass<T>(statement: string, { publishes = false }: StatementOptions, work: () => Promise<T>): Promise<T> {
    const send = async () => {
      try {
        return { outcome: await work() };
      } catch (thrown) {
        throw failureOf(this.#settings, statement, thrown);
      }
    };
    for (;;) {
      if (!publishes) await this.#barrier.opened();
      const sent = await this.#gate.pass(async () => {
        if (publishes) return send();
        // Others that wait must leave the gate to those that publish.
        return this.#barrier.isClosed ? undefined : this.#barrier.track(send);
      });
      if (sent !== undefined) return sent.outcome;
    }
  }
}

function parameters(options: StatementOptions, more: Readonly<Record<string, string | number>> = {}) {
  return {
    clickhouse_settings: {
      ...more,
      ...options.settings,
      ...(options.comment !== undefined && { log_comment: options.comment }),
      ...(options.database !== undefined && { database: options.database }),
    },
  };
}
