import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CambiumError } from "../../packages/engine/src/base/errors.js";
import { reportError } from "../../packages/engine/src/cli/report-error.js";
import { progressOn } from "../../packages/engine/src/cli/progress.js";
import { startUp } from "../../packages/engine/src/cli/run/start-up.js";
import { untilInterrupted } from "../../packages/engine/src/cli/run/until-interrupted.js";
import { systemTerminal } from "../../packages/engine/src/cli/terminal.js";
import { statePaths } from "../../packages/engine/src/engine.js";
import { loadProject } from "../../packages/engine/src/project/load-project.js";
import { fillHistory } from "../../packages/engine/src/run/fill-history.js";
import { eraseWarehouse, warehouseSettings } from "../../packages/engine/src/warehouse/open-warehouse.js";
import { sql } from "../../packages/engine/src/warehouse/sql.js";
import type { Warehouse } from "../../packages/engine/src/warehouse/warehouse.js";
import { startReceiver } from "../receiver/receiver.js";
import { exampleSecrets, liveTraffic, seedOrchard } from "./start.js";
import { summaryOf, summaryText } from "./summary.js";

const help = `npm start [-- options]

Opens the example growth project in examples/orchard: its simulator sends 90 days of history through the real
collector, the loop runs, changes are delivered to a local receiver; then live traffic goes on until Ctrl-C.

  --once          end when everything is delivered
  --fresh         forget the state of earlier starts
  --users <n>     people in the history (5500)
  --days <n>      days of history (90)
  --seed <text>   another world
  --json          the summary as JSON on stdout
`;

/** Where the example project lives, from the repository's root. */
const projectDir = path.resolve("examples/orchard");

/** The collector seals within half a second; longer than this without a segment means that there is none. */
const sealLookMs = 100;
const quietLooksMax = 50;

/** The example's destinations name it. */
const receiverPort = 4320;

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await start(argv);
  } catch (thrown) {
    process.exitCode = reportError(thrown, systemTerminal(process.env, argv), { json: false, debug: argv.includes("--debug") });
  }
}

async function start(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: "boolean", default: false },
      fresh: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      json: { type: "boolean", default: false },
      users: { type: "string" },
      days: { type: "string" },
      seed: { type: "string" },
    },
  });
  const terminal = systemTerminal(process.env, argv);
  if (values.help) return terminal.out(help);
  const env = { ...exampleSecrets, ...process.env };
  const paths = statePaths(projectDir);
  const stateDir = paths.state;
  if (values.fresh) {
    const { config } = await loadProject(projectDir);
    await eraseWarehouse(warehouseSettings(config.warehouse, { file: paths.warehouse, scratchDir: paths.scratch }, env));
    await rm(stateDir, { recursive: true, force: true });
  }
  await mkdir(stateDir, { recursive: true });
  const secrets = { backend: env["ORCHARD_WEBHOOK_SECRET"] ?? "" };
  const receiver = await startReceiver({ port: receiverPort, recordFile: path.join(stateDir, "received.ndjson"), secrets }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EADDRINUSE") throw cause;
      const message = `Port ${receiverPort} of the local receiver is taken: is the example running already?`;
      throw new CambiumError("PORT_TAKEN", message, { cause });
    },
  );
  const running = await startUp({
    dir: projectDir,
    version: "0.1.0",
    env,
    collectorEndsWithUs: values.once,
    onEvent: (sentence) => terminal.err(`${terminal.colors.dim(sentence)}\n`),
  });
  const stop = new AbortController();
  const interrupted = untilInterrupted().then(() => stop.abort());
  const { engine } = running;
  const progress = progressOn(terminal);
  try {
    const url = running.collector.running?.url ?? "";
    const days = Number(values.days ?? 90);
    const sending = progress.task(`Sending ${days} days`, 100, "%");
    const seeded = await seedOrchard({
      url,
      stateDir,
      now: engine.clock(),
      signal: stop.signal,
      again: await isEmpty(engine.warehouse),
      days,
      ...(values.seed !== undefined && { seed: values.seed }),
      ...(values.users !== undefined && { users: Number(values.users) }),
      onProgress: ({ fraction }) => sending.at(Math.round(fraction * 100)),
    });
    sending.done(`${seeded.sent.messages.toLocaleString("en")} messages accepted`);
    const seconds: Record<string, number> = { send: seeded.seconds };
    const timed = async (step: string, work: () => Promise<unknown>) => {
      const began = performance.now();
      await work();
      seconds[step] = (performance.now() - began) / 1000;
    };
    const loading = progress.task("Loading", seeded.sent.messages, "events");
    await timed("load", async () => {
      // The collector seals its last segment a moment after the last event.
      for (let loaded = 0, quiet = 0; loaded < seeded.sent.messages && quiet < quietLooksMax;) {
        const more = await engine.loops.loadOnce((accepted) => loading.at(loaded + accepted));
        loaded += more;
        quiet = more > 0 ? 0 : quiet + 1;
        if (more === 0) await sleep(sealLookMs);
      }
    });
    loading.done();
    const computing = progress.task("Identity to audiences", 14, "steps");
    await timed("cycle", () => engine.loops.cycleOnce({ onStep: () => computing.advance() }));
    computing.done();
    const past = progress.task("Score history", days, "days");
    await timed("history", () =>
      fillHistory(engine.warehouse, engine.project(), days, (done, of) => past.at(Math.round((done / of) * days))),
    );
    past.done();
    const delivering = progress.task("Delivering", 1, "");
    await timed("deliver", () => engine.deliver());
    delivering.done();
    progress.stop();
    const summary = await summaryOf(engine, receiver, seconds);
    terminal.out(values.json ? `${JSON.stringify(summary, undefined, 2)}\n` : summaryText(summary, terminal));
    if (values.once || stop.signal.aborted) return;
    engine.loops.start();
    terminal.out(
      `\nConsole   ${terminal.colors.bold(running.consoleUrl)}\nReceiver  ${receiver.url}   what the outside tools were sent\nCollector ${url}\nLive traffic goes on. Ctrl-C stops it.\n`,
    );
    await Promise.all([interrupted, liveTraffic({ world: seeded.world, url, signal: stop.signal })]);
    terminal.err("\nStopping …\n");
  } finally {
    progress.stop();
    await running.close();
    await receiver.close();
    if (values.once) process.exitCode ??= 0;
  }
}

/** Nothing was ever loaded into it. */
async function isEmpty(warehouse: Warehouse): Promise<boolean> {
  const connection = await warehouse.connect();
  const row = await connection.first<{ n: number }>(sql`/* was anything loaded */ SELECT count(*) AS n FROM ops.loads`);
  await connection.close();
  return row?.n === 0;
}
