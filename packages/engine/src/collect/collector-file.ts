import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { md5Hex } from "../base/hash.js";
import type { CollectorOptions } from "./collector.js";

/** What a collector process is started with: plain data in a JSON file, read again at SIGHUP for its sources. */
export type CollectorFile = Omit<CollectorOptions, "clock" | "onSealed" | "files"> & {
  /** What to do when the process that started it is gone: `stay` keeps accepting events (an engine that comes back takes it over). */
  readonly whenOrphaned?: "stay" | "exit";
};

/** What a running collector says of itself, in the spool folder: how a restarted engine finds it. */
export interface RunningCollector {
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  readonly node: string;
  /** Hash of everything it was started with but its sources. */
  readonly settings: string;
}

/** Messages from a collector process to the one that started it. */
export type CollectorMessage =
  | ({ readonly type: "ready" } & RunningCollector)
  | { readonly type: "sealed"; readonly file: string }
  | { readonly type: "failed"; readonly message: string };

/** Sources may change while a collector runs; for everything else it must be started anew. */
export function settingsHash({ sources: _, ...settings }: CollectorFile): string {
  return md5Hex(JSON.stringify(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))));
}

export function runningFile(spoolDir: string): string {
  return path.join(spoolDir, "collector.json");
}

export async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(value));
  await rename(`${file}.new`, file);
}
