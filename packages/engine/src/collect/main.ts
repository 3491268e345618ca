import { messageOf } from "../base/errors.js";
import { startCollector } from "./collector.js";
import {
  type CollectorFile,
  type CollectorMessage,
  type RunningCollector,
  readJson,
  runningFile,
  settingsHash,
  writeJson,
} from "./collector-file.js";

/**
 * The collector process: `node collector.js <options.json>`. It holds no warehouse code, so nothing that happens there can
 * refuse an event. SIGHUP reads the sources again, SIGTERM and SIGINT seal the spool and end it.
 */
async function main(): Promise<void> {
  const file = process.argv[2];
  const options = file === undefined ? undefined : await readJson<CollectorFile>(file);
  if (file === undefined || options === undefined) throw new Error(`usage: collector <options.json>; cannot read ${file ?? "(nothing)"}`);
  const collector = await startCollector({ ...options, onSealed: (sealed) => tell({ type: "sealed", file: sealed }) });
  const running: RunningCollector = {
    pid: process.pid,
    url: collector.url,
    port: collector.port,
    node: collector.spool.node,
    settings: settingsHash(options),
  };
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    collector.close().then(
      () => process.exit(0),
      (thrown: unknown) => fail(thrown),
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  process.on("SIGHUP", () => {
    void readJson<CollectorFile>(file).then((fresh) => {
      if (fresh !== undefined) collector.replaceSources(fresh.sources);
    });
  });
  process.on("disconnect", () => {
    if (options.whenOrphaned === "exit") end();
  });
  // Only now: an engine that finds the file may send a signal at once.
  await writeJson(runningFile(options.spoolDir), running);
  tell({ type: "ready", ...running });
}

function tell(message: CollectorMessage): void {
  // A parent that just died is no reason to stop: it finds us again by the file.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

function fail(thrown: unknown): void {
  process.exitCode = 1;
  console.error(`collector: ${messageOf(thrown)}`);
  if (process.connected)
    process.send?.({ type: "failed", message: messageOf(thrown) } satisfies CollectorMessage, undefined, undefined, () => process.exit(1));
  else process.exit(1);
}

main().catch(fail);
