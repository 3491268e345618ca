import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundled } from "../collect/process-support.js";
import { within } from "../support/within.js";
import { recordingServer } from "./support.js";

/** kill -9 at random moments of delivery. `CAMBIUM_FAULT_ROUNDS=200 CAMBIUM_FAULT_SEED=2` for more. */
const rounds = Number(process.env["CAMBIUM_FAULT_ROUNDS"] ?? 40);
const seed = Number(process.env["CAMBIUM_FAULT_SEED"] ?? 1);
const program = path.join(path.dirname(fileURLToPath(import.meta.url)), "fault-child.ts");

interface Message {
  sync: string;
  data: { key: string; change: string; idempotency_key: string; fields: Record<string, unknown> }[];
}

test(`after ${rounds} kills the destination holds exactly what it should, and the ledger adds up`, async () => {
  let state = seed;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  const held = new Map<string, Map<string, Record<string, unknown>>>([
    ["people", new Map()],
    ["members", new Map()],
  ]);
  let rows = 0;
  let repeated = 0;
  const seen = new Set<string>();
  const server = await recordingServer((request, _count, response) => {
    const message = JSON.parse(request.body) as Message;
    for (const one of message.data) {
      rows += 1;
      if (seen.has(one.idempotency_key)) repeated += 1;
      // A careful destination takes each change once; keys of later changes must therefore differ.
      else if (one.change === "remove") held.get(message.sync)?.delete(one.key);
      else held.get(message.sync)?.set(one.key, one.fields);
      seen.add(one.idempotency_key);
    }
    setTimeout(() => void response.writeHead(200).end(), random(15));
    return undefined;
  });
  const bundle = await bundled(program);
  const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-crash-"));
  const start = (...more: string[]) =>
    spawn(
      process.execPath,
      [
        bundle.entry,
        path.join(folder, "w.duckdb"),
        path.join(folder, "scratch"),
        server.url,
        server.allow[0] ?? "",
        String(random(1_000_000) + 1),
        ...more,
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
  try {
    for (let round = 0; round < rounds; round += 1) {
      const child = start();
      await within(30, `round ${round}'s process to open its warehouse`, ready(child));
      await new Promise((resolve) => void setTimeout(resolve, random(700)));
      const gone = new Promise((resolve) => void child.once("exit", resolve));
      child.kill("SIGKILL");
      await within(10, `round ${round}'s process to end after SIGKILL`, gone);
    }
    const finishing = start("finish");
    const last = await within(60, "the last process to deliver what is left", output(finishing)).finally(() => finishing.kill("SIGKILL"));
    const { people, members, ledger, runs, outcomes, open } = JSON.parse(last.trim().split("\n").at(-1) ?? "") as {
      people: { key: string; plan: string }[];
      members: { key: string }[];
      ledger: Record<string, number>[];
      runs: { sync: string; run_id: number; state: string; taken: number }[];
      outcomes: { sync: string; run_id: number; n: number }[];
      open: unknown;
    };
    expect(people.length).toBeGreaterThan(50);
    expect(Object.fromEntries(held.get("people") ?? [])).toEqual(
      Object.fromEntries(people.map(({ key, plan }) => [key, { id: key, plan }])),
    );
    expect([...(held.get("members")?.keys() ?? [])].sort()).toEqual(members.map(({ key }) => key).sort());
    for (const row of ledger) expect(row["changed"]).toBe((row["delivered"] ?? 0) + (row["failed"] ?? 0) + (row["skipped"] ?? 0));
    expect(ledger.length).toBe(runs.length);
    const deliveries = new Map(outcomes.map((one) => [`${one.sync} ${one.run_id}`, one.n]));
    for (const run of runs) expect(deliveries.get(`${run.sync} ${run.run_id}`) ?? 0).toBe(run.taken);
    expect(runs.filter((run) => run.state === "running")).toEqual([]);
    expect(open).toEqual({ rows: 0, sending: 0 });
    console.info(
      `${rounds} kills, ${rows} rows received, ${repeated} of them repetitions, ${runs.filter((run) => run.state === "crashed").length} runs cut off`,
    );
  } finally {
    await server.close();
    await bundle.remove();
    await rm(folder, { recursive: true, force: true });
  }
});

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the process ended by itself with ${code}`)));
  });
}

function output(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => void (text += chunk.toString("utf8")));
    child.once("exit", (code) => (code === 0 ? resolve(text) : reject(new Error(`ended with ${code}`))));
  });
}
