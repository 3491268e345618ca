import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CambiumError } from "../base/errors.js";
import {
  type CollectorFile,
  type CollectorMessage,
  type RunningCollector,
  readJson,
  runningFile,
  settingsHash,
  writeJson,
} from "./collector-file.js";
import type { CollectorSource } from "./write-keys.js";

export interface SuperviseSettings {
  /** The collector's program (the bundle of `collect/main.ts`). */
  readonly entry: string;
  readonly options: CollectorFile;
  /** Where its options are written for it; sources change there. */
  readonly optionsFile: string;
  /** A hint to look for segments. */
  readonly onSealed?: () => void;
  /** Every start, stop and failure, one sentence each. */
  readonly onEvent?: (message: string) => void;
}

export interface SupervisedCollector {
  /** Of the process that runs now; undefined while there is none. */
  readonly running: RunningCollector | undefined;
  replaceSources(sources: readonly CollectorSource[]): Promise<void>;
  /** Ends the collector after it sealed its spool, and looks after it no longer. */
  close(): Promise<void>;
  /** Looks after it no longer, and lets it run. */
  release(): void;
}

const firstPauseMs = 100;
const pauseMaxMs = 5_000;
/** After this long a collector counts as healthy, and the next pause is short again. */
const healthyAfterMs = 10_000;
const lookEveryMs = 1_000;
const endMs = 10_000;
/** Repairing a large spool takes a while; longer than this is a hang. */
const startMs = 60_000;

/**
 * Keeps one collector process running: starts it, starts it again with growing pauses when it dies, and takes over one
 * that outlived the engine that started it, if it runs with the same settings. Rejects if it cannot be started at all.
 */
export async function superviseCollector(settings: SuperviseSettings): Promise<SupervisedCollector> {
  const { options, optionsFile, onEvent = () => undefined } = settings;
  await mkdir(options.spoolDir, { recursive: true });
  await mkdir(path.dirname(optionsFile), { recursive: true });
  await writeJson(optionsFile, options);
  let running: RunningCollector | undefined;
  let child: ChildProcess | undefined;
  let pause = firstPauseMs;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  /** A process that was started and does not listen yet. */
  let starting: ChildProcess | undefined;
  let beginning: Promise<void> = Promise.resolve();

  const later = (work: () => void, ms: number) => {
    timer = setTimeout(work, ms);
    timer.unref();
  };
  const start = async () => {
    const began = performance.now();
    const started = await launch(settings, (process) => (starting = process)).finally(() => (starting = undefined));
    if (over) return end(started.running.pid);
    child = started.child;
    running = started.running;
    onEvent(`collector ${started.running.pid} listens on ${started.running.url}`);
    started.child.once("exit", (code, signal) => {
      running = undefined;
      if (over) return;
      if (performance.now() - began > healthyAfterMs) pause = firstPauseMs;
      onEvent(`collector ${started.running.pid} ended (${signal ?? String(code)}); the next starts in ${pause} ms`);
      again();
    });
  };
  const again = () => {
    later(() => {
      if (over) return;
      pause = Math.min(pause * 2, pauseMaxMs);
      beginning = begin().catch((thrown: unknown) => {
        if (over) return;
        onEvent(`the collector does not start: ${String(thrown)}`);
        again();
      });
    }, pause);
  };
  const follow = () => {
    later(() => {
      if (over || running === undefined) return;
      if (isAlive(running.pid)) return follow();
      onEvent(`collector ${running.pid} is gone`);
      running = undefined;
      again();
    }, lookEveryMs);
  };

  const begin = async () => {
    const found = await survivor(options);
    if (over) return;
    if (found === undefined || found.settings !== settingsHash(options)) {
      if (found !== undefined) await end(found.pid);
      return start();
    }
    running = found;
    onEvent(`collector ${found.pid} was running and is taken over`);
    kill(found.pid, "SIGHUP");
    follow();
  };

  try {
    await begin();
  } catch (thrown) {
    // One that an engine started before it was killed may have come up meanwhile, and have the port.
    if ((await survivor(options)) === undefined) throw thrown;
    await begin();
  }
  return {
    get running() {
      return running;
    },
    async replaceSources(sources) {
      await writeJson(optionsFile, { ...options, sources });
      if (running !== undefined) kill(running.pid, "SIGHUP");
    },
    async close() {
      over = true;
      clearTimeout(timer);
      starting?.kill("SIGTERM");
      await beginning;
      if (running !== undefined) await end(running.pid);
      child?.removeAllListeners();
    },
    release() {
      over = true;
      clearTimeout(timer);
      if (child?.connected === true) child.disconnect();
      child?.unref();
    },
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly running: RunningCollector;
}

function launch({ entry, optionsFile, options, onSealed }: SuperviseSettings, onSpawn: (child: ChildProcess) => void): Promise<Launched> {
  return new Promise((resolve, reject) => {
    // Detached: Ctrl-C in a terminal reaches the engine alone, which then ends the collector in order.
    const child = spawn(process.execPath, [entry, optionsFile], {
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    onSpawn(child);
    let failure = "";
    const tooLong = setTimeout(() => {
      failure = "it did not become ready";
      child.kill("SIGKILL");
    }, startMs);
    tooLong.unref();
    const refuse = (message: string) => reject(new CambiumError("INTERNAL", `the collector did not start: ${message}`));
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => refuse(failure || `it ended with ${signal ?? String(code)}`);
    child.once("exit", onExit);
    child.once("error", (error) => refuse(error.message));
    child.on("message", (message: CollectorMessage) => {
      if (message.type === "sealed") onSealed?.();
      else if (message.type === "failed") failure = message.message;
      else {
        child.off("exit", onExit);
        clearTimeout(tooLong);
        const { type: _, ...running } = message;
        resolve({ child, running });
      }
    });
    // An engine that ends without closing leaves the collector to the next engine.
    if (options.whenOrphaned !== "exit") child.unref();
  });
}

/**
 * A collector of this spool that still answers: the one that its file names, else one that has the port and a folder of
 * this spool (its file was lost with the process that wrote it); the settings of that one are unknown.
 */
async function survivor({ spoolDir, host = "127.0.0.1", port = 0 }: CollectorFile): Promise<RunningCollector | undefined> {
  const named = await readJson<RunningCollector>(runningFile(spoolDir));
  if (named !== undefined && isAlive(named.pid)) {
    const health = await healthOf(named.url);
    if (health?.pid === named.pid && health.node === named.node) return named;
  }
  if (port === 0) return undefined;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const health = await healthOf(url);
  if (health?.pid === undefined || health.node === undefined || !existsSync(path.join(spoolDir, health.node))) return undefined;
  return { pid: health.pid, node: health.node, url, port, settings: "" };
}

async function healthOf(url: string): Promise<{ pid?: number; node?: string } | undefined> {
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) });
    return (await answer.json()) as { pid?: number; node?: string };
  } catch {
    return undefined;
  }
}

async function end(pid: number): Promise<void> {
  kill(pid, "SIGTERM");
  for (let waited = 0; isAlive(pid) && waited < endMs; waited += 20) await sleep(20);
  if (isAlive(pid)) kill(pid, "SIGKILL");
  for (let waited = 0; isAlive(pid) && waited < endMs; waited += 20) await sleep(20);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}
