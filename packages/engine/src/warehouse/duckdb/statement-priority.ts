import { existsSync } from "node:fs";
import { readlink } from "node:fs/promises";
import os from "node:os";

/**
 * Statements run on libuv's pool and on the workers that DuckDB starts from there. They take every core for as long as
 * they last, beside the one thread that answers requests and beside the collector: at equal priority each answer waits its
 * turn among them. Lowered, they get what nobody else wants, which on an otherwise idle machine is everything. Not lowered
 * further: beside a collector that takes all it can, loads must keep up (a tenth less was stored at 10 than at 4).
 */
export const statementNiceness = 5;

/** What libuv starts unless told otherwise. */
const poolSizeDefault = 4;
/** Looks for threads of the pool that have not answered yet; two or three find all of them. */
const roundsMax = 50;
/** Read by a thread it names that thread. Linux only, as are priorities of threads. */
const thisThread = "/proc/thread-self";

/** Lowers the pool's threads for good. Workers that are started from them inherit it: call this before DuckDB starts any. */
export async function lowerStatementPriority(): Promise<void> {
  if (process.platform !== "linux" || !existsSync(thisThread)) return;
  const size = Number(process.env["UV_THREADPOOL_SIZE"]) || poolSizeDefault;
  const lowered = new Set<number>();
  for (let round = 0; round < roundsMax && lowered.size < size; round += 1) {
    const links = await Promise.all(Array.from({ length: size }, () => readlink(thisThread)));
    for (const thread of links.map((link) => Number(link.slice(link.lastIndexOf("/") + 1)))) {
      if (!lowered.has(thread) && !lower(thread)) return;
      lowered.add(thread);
    }
  }
}

/** False where a sandbox refuses: statements then have the priority of everything else, as on other systems. */
function lower(thread: number): boolean {
  try {
    if (os.getPriority(thread) < statementNiceness) os.setPriority(thread, statementNiceness);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_SYSTEM_ERROR") return false;
    throw thrown;
  }
}
