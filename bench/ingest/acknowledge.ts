import fs from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import path from "node:path";
import { type LoadResult, openLoop, quantile } from "./client.js";
import { type Place, collectorOptions, start, stop, writeKey } from "./processes.js";

/** How long single requests wait for their acknowledgement, alone and beside an engine that recomputes everything. */
export interface Acknowledged {
  readonly client: LoadResult;
  /** The share of the collector's commits that took more than 10 ms: stalls of the disk. */
  readonly slowCommits: number;
}

export const requestsPerSecond = 5_000;
const connections = 64;
/** About one request, as it lies in the spool. */
const lineBytes = 900;

export async function acknowledge(place: Place, collectorEntry: string, seconds: number): Promise<Acknowledged> {
  const spoolDir = path.join(place.dir, "spool");
  const { child, port } = await start(place, collectorEntry, [await collectorOptions(place, spoolDir)]);
  const client = await openLoop(port, writeKey, requestsPerSecond, connections, seconds);
  const slowCommits = await slowCommitsOf(port);
  await stop(child);
  await rm(spoolDir, { recursive: true });
  return { client, slowCommits };
}

/** The same while the engine's warehouse takes all cores; `recomputes` are the full ones that ended meanwhile. */
export async function acknowledgeBesideRecompute(
  place: Place,
  collectorEntry: string,
  recomputeEntry: string,
  events: number,
  seconds: number,
): Promise<Acknowledged & { readonly recomputes: number }> {
  const scratchDir = path.join(place.dir, "recompute");
  await mkdir(scratchDir);
  const engine = await start(place, recomputeEntry, [scratchDir, String(events)]);
  let recomputes = 0;
  engine.child.on("message", () => (recomputes += 1));
  const found = await acknowledge(place, collectorEntry, seconds);
  const during = recomputes;
  await stop(engine.child);
  return { ...found, recomputes: during };
}

/** The limit: one line after the other written and synced, with nothing else to do. Sorted milliseconds. */
export async function syncAlone({ dir }: Place, count: number): Promise<Float64Array> {
  const line = Buffer.alloc(lineBytes, "x");
  const { O_WRONLY, O_CREAT, O_DSYNC } = fs.constants;
  const file = path.join(dir, "sync-alone");
  const handle = await open(file, O_WRONLY | O_CREAT | O_DSYNC);
  const millis = new Float64Array(count);
  for (let n = 0; n < count; n += 1) {
    const started = performance.now();
    await handle.write(line, 0, line.length, n * line.length);
    millis[n] = performance.now() - started;
  }
  await handle.close();
  await rm(file);
  return millis.sort();
}

export function latencyText(sorted: Float64Array): string {
  return `p50 ${quantile(sorted, 0.5).toFixed(2)} ms, p99 ${quantile(sorted, 0.99).toFixed(2)} ms`;
}

async function slowCommitsOf(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const all = value("cambium_spool_sync_seconds_count");
  const quick = value('cambium_spool_sync_seconds_bucket\\{le="0.01"\\}');
  return all > 0 ? (all - quick) / all : 0;
}
