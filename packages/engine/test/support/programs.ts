import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { within } from "./within.js";

/** Programs that tests start and kill. */

/** Sends the signal and waits for the end; returns at once where it has ended before. */
export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await within(60, `a program to end after ${signal}`, exit);
}

/** Kills the collector of a project, which outlives its engine. */
export async function killCollector(dir: string): Promise<void> {
  const text = await readFile(path.join(dir, ".cambium/spool/collector.json"), "utf8").catch(() => undefined);
  if (text === undefined) return;
  try {
    process.kill((JSON.parse(text) as { pid: number }).pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}
