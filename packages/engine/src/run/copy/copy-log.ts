import { randomUUID } from "node:crypto";
import { CambiumError } from "../../base/errors.js";
import { type Clock, isoOf } from "../../base/instant.js";
import { sql } from "../../warehouse/sql.js";
import { nameOf } from "../../warehouse/table.js";
import { copyLog } from "../../warehouse/tables/copy.js";
import type { Connection } from "../../warehouse/warehouse.js";
import type { PieceText, StartDetail, Step } from "./copy-state.js";
import type { Piece } from "./pieces.js";

/** Writes the log of one run of a copy. Steps have moments of their own, so that they can be told in their order. */
export class CopyLog {
  #target: Connection;
  #clock: Clock;
  #run = randomUUID();
  #lastAt = 0;

  constructor(target: Connection, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** `clears`: from this row on, what is in the target is to be dropped, whoever goes on, until `cleared` says it is. */
  async start(source: string, clears: boolean): Promise<void> {
    for (const statement of this.#target.dialect.createTable(copyLog)) await this.#target.run(statement);
    const newest = await this.#target.first<{ at: number | null }>(
      sql`SELECT ${this.#target.dialect.microsBetween(this.#target.dialect.timestamp(0), sql`max(happened_at)`)} AS at FROM ${nameOf(copyLog)}`,
    );
    this.#lastAt = newest?.at ?? 0;
    await this.#write("started", undefined, undefined, { source, clears } satisfies StartDetail);
  }

  cleared(): Promise<void> {
    return this.#write("cleared");
  }

  planned(label: string, mark: string, pieces: readonly Piece[]): Promise<void> {
    return this.#write("planned", label, undefined, { mark, pieces: pieces.map(textOf) });
  }

  /** Throws when another process has started on the same copy meanwhile: the newest goes on. */
  async begun(label: string, piece: number): Promise<void> {
    const newest = await this.#target.first<{ run: string }>(
      sql`/* who copies */ SELECT run FROM ${nameOf(copyLog)} WHERE step = 'started' ORDER BY happened_at DESC, run LIMIT 1`,
    );
    if (newest?.run !== this.#run)
      throw new CambiumError("WAREHOUSE_LOCKED", "Another copy into this warehouse has started and goes on with it.");
    await this.#write("begun", label, piece);
  }

  copied(label: string, piece: number): Promise<void> {
    return this.#write("copied", label, piece);
  }

  finished(label: string): Promise<void> {
    return this.#write("finished", label);
  }

  /** A piece, or a table as a whole, is not the same on both sides: the next run copies it anew. */
  doubted(label: string, piece?: number): Promise<void> {
    return this.#write("doubted", label, piece);
  }

  /** What was copied of a table counts no more. */
  forgotten(label: string): Promise<void> {
    return this.#write("forgotten", label);
  }

  /** The copy is whole. */
  async close(): Promise<void> {
    await this.#target.run(sql`/* the copy is whole */ DROP TABLE IF EXISTS ${nameOf(copyLog)}`);
  }

  async #write(step: Step, label?: string, piece?: number, detail?: unknown): Promise<void> {
    this.#lastAt = Math.max(this.#clock(), this.#lastAt + 1);
    await this.#target.append(copyLog, [
      {
        happened_at: isoOf(this.#lastAt),
        run: this.#run,
        step,
        table: label ?? null,
        piece: piece ?? null,
        detail: detail === undefined ? null : JSON.stringify(detail),
      },
    ]);
  }
}

function textOf({ from, to, rows }: Piece): PieceText {
  return [from?.toString() ?? null, to?.toString() ?? null, rows];
}
