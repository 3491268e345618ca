import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openCatalogue } from "../packages/catalogue/src/index.js";
import { table } from "./table.js";
import type { DeliveryContext, DestinationRow, RowOutcome } from "../packages/engine/src/activate/destination.js";

/**
 * Rows a second through the catalogue's child process to a local server, beside a bare loop that sends the same batches
 * as JSON with `fetch` from this process: the ratio says what mapping, validation, the guarded fetch, the process border
 * and per-row outcomes cost.
 */
export interface CatalogueBench {
  readonly destination: string;
  readonly rows: number;
  readonly batchRows: number;
  readonly requests: number;
  readonly rowsPerSecond: number;
  readonly bareRowsPerSecond: number;
  readonly ratio: number;
  /** Rows for a second of the child's processor time, which a busy machine does not inflate as it does the clock's. */
  readonly rowsPerCpuSecond: number | undefined;
  readonly childMegabytes: number | undefined;
}

/** Calls at once: while the child works on one batch, the next one crosses. */
const callsInFlight = 4;
const cases = [
  {
    slug: "webhook",
    action: "send",
    batchRows: 1_000,
    settings: {},
    fields: (id: number, url: string) => ({
      url: `${url}/hook`,
      method: "POST",
      "data.id": `user-${id}`,
      "data.email": `user-${id}@example.com`,
      "data.plan": "team",
      "data.score": id % 100,
      "data.active": true,
    }),
  },
  {
    slug: "customerio",
    action: "createUpdatePerson",
    batchRows: 1_000, // Customer.io's own requests hold 50
    settings: { siteId: "bench-site", apiKey: "bench-key" },
    fields: (id: number) => ({
      id: `user-${id}`,
      email: `user-${id}@example.com`,
      "custom_attributes.plan": "team",
      "custom_attributes.score": id % 100,
      "custom_attributes.active": true,
    }),
  },
] as const;

export async function bench(rows = 100_000): Promise<CatalogueBench[]> {
  const server = await countingServer();
  const catalogue = openCatalogue({ environment: {}, redirectTo: server.url });
  try {
    const results: CatalogueBench[] = [];
    for (const { slug, action, batchRows, settings, fields } of cases) {
      const all = Array.from({ length: rows }, (_, id): DestinationRow => ({
        key: String(id),
        change: "add",
        fields: fields(id, server.url),
        idempotencyKey: `idem-${id}`,
      }));
      const batches = Array.from({ length: Math.ceil(rows / batchRows) }, (_, index) =>
        all.slice(index * batchRows, (index + 1) * batchRows),
      );
      const destination = catalogue.destination(slug);
      const context = contextOf(action, settings);
      for (const batch of batches.slice(0, 5)) await destination.deliver(batch, context); // starts the child, warms its code
      const [pid] = catalogue.processIds().slice(-1);
      const before = server.count();
      const cpuBefore = await cpuSeconds(pid);
      const seconds = await timed(batches, async (batch) => insist(await destination.deliver(batch, context)));
      const cpu = (await cpuSeconds(pid)) - cpuBefore;
      const requests = server.count() - before;
      const perRequest = Math.ceil(rows / requests);
      const bodies = Array.from({ length: requests }, (_, index) =>
        all.slice(index * perRequest, (index + 1) * perRequest).map((row) => row.fields),
      );
      const bareSeconds = await timed(
        bodies,
        async (body) => void (await (await fetch(server.url, { method: "POST", body: JSON.stringify(body) })).arrayBuffer()),
      );
      results.push({
        destination: `${slug}.${action}`,
        rows,
        batchRows,
        requests,
        rowsPerSecond: Math.round(rows / seconds),
        bareRowsPerSecond: Math.round(rows / bareSeconds),
        ratio: Math.round((bareSeconds / seconds) * 100) / 100,
        rowsPerCpuSecond: cpu > 0 ? Math.round(rows / cpu) : undefined,
        childMegabytes: await residentMegabytes(pid),
      });
    }
    print(results);
    return results;
  } finally {
    await catalogue.close();
    await server.close();
  }
}

function print(results: readonly CatalogueBench[]): void {
  table(
    ["destination", "rows/s", "bare loop", "ratio", "rows a CPU second", "requests", "child MB"],
    results.map((result) => [
      result.destination,
      String(result.rowsPerSecond),
      String(result.bareRowsPerSecond),
      String(result.ratio),
      String(result.rowsPerCpuSecond ?? "-"),
      String(result.requests),
      String(result.childMegabytes ?? "-"),
    ]),
  );
}

function contextOf(action: string, settings: Readonly<Record<string, unknown>>): DeliveryContext {
  return {
    action,
    settings,
    mode: "upsert",
    sync: "bench",
    now: Date.UTC(2026, 0, 1) * 1000,
    allow: [],
    dryRun: false,
    trace: () => undefined,
  };
}

function insist(outcomes: readonly RowOutcome[]): void {
  const bad = outcomes.find(({ outcome }) => outcome !== "delivered");
  if (bad !== undefined) throw new Error(`a row was not delivered: ${JSON.stringify(bad)}`);
}

async function timed<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<number> {
  const queue = [...items];
  const started = performance.now();
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: callsInFlight }, lane));
  return (performance.now() - started) / 1000;
}

async function countingServer() {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Of a process, from Linux's hundredths of a second; NaN elsewhere. */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  if (pid === undefined || process.platform !== "linux") return Number.NaN;
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function residentMegabytes(pid: number | undefined): Promise<number | undefined> {
  if (pid === undefined || process.platform !== "linux") return undefined;
  const kilobytes = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
}
