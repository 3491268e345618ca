import type { CopyProgress } from "../../../run/copy/copy-progress.js";
import type { Task } from "../../progress.js";

/** Smaller tables have no bar of their own: there are many of them, and each is done at once. */
const barRowsMin = 50_000;
const phases = { copy: "Copying", compare: "Comparing" } as const;

/** A bar for the tables of each phase, and one for each large table, with the rate since it began. */
export class CopyBars {
  #begin: (title: string, total: number, unit: string) => Task;
  #phases = new Map<CopyProgress["phase"], Task>();
  #large = new Map<string, { readonly task: Task; readonly startedAt: number; readonly from: number }>();

  constructor(begin: (title: string, total: number, unit: string) => Task) {
    this.#begin = begin;
  }

  tell(at: CopyProgress): void {
    if (at.phase === "compare") this.#end("copy");
    let task = this.#phases.get(at.phase);
    if (task === undefined) this.#phases.set(at.phase, (task = this.#begin(phases[at.phase], at.places, "tables")));
    task.at(at.place, at.table);
    if (at.total >= barRowsMin) this.#tellLarge(at);
  }

  #tellLarge({ phase, table, rows, total }: CopyProgress): void {
    const title = `${phases[phase]} ${table}`;
    let bar = this.#large.get(title);
    if (bar === undefined)
      this.#large.set(title, (bar = { task: this.#begin(title, total, "rows"), startedAt: performance.now(), from: rows }));
    const rate = Math.round(((rows - bar.from) * 1000) / Math.max(1, performance.now() - bar.startedAt));
    const note = rows === bar.from ? undefined : `${rate.toLocaleString("en")} rows/s`;
    if (rows < total) bar.task.at(rows, note);
    else bar.task.done(note);
  }

  #end(phase: CopyProgress["phase"]): void {
    this.#phases.get(phase)?.done();
    this.#phases.delete(phase);
  }

  done(): void {
    this.#end("compare");
  }
}
