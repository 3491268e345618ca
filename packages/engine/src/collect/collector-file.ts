import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { md5Hex } from "../base/hash.js";
import type { CollectorOptions } from "./collector.js";

/** What a collector process is started with: plain data in a JSON file, read again at SIGHUP for its sources. */
export type CollectorFile = Omit<CollectorOptions, "clock" | "onSealed" | "files"> & {
  /** What to do when the process that started it is gone: `stay` keeps accepting events (an engine that comes back takes it over). */
  readonly whenOrphaned?: "stay" | "exit";
};

/**
 * What a running collector says of itself, in the spool folder: how a restarted engine finds it. The file is only ever
 * replaced, by the next collector; one that ends leaves it, since between looking whose word it is and removing it another
 * one's could have come. Whoever reads it asks the process that it names.
 */
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
  // As its file has them: a key without a value is one that was not given.
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return md5Hex(JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1))));
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

/** Whole or not at all. Several may write at once (a collector and the one that takes its place): the last one's word holds. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  const own = `${file}.${randomUUID()}.new`;
  try {
    await writeFile(own, JSON.stringify(value));
    await rename(own, file);
  } catch (thrown) {
    await rm(own, { force: true });
    throw thrown;
  }
}
