import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rename } from "node:fs/promises";
import path from "node:path";
import { CambiumError } from "../../base/errors.js";
import { type FolderLock, lockFolder } from "./folder-lock.js";

/**
 * The folder of one collector inside the spool. Its name is the collector's node id; a counter kept beside the segments
 * makes segment names unique for ever, through crashes, clock jumps and deleted files.
 */
export interface NodeFolder {
  readonly node: string;
  readonly dir: string;
  /** First sequence number of this run: greater than any given out before. */
  readonly firstSequence: number;
  readonly lock: FolderLock;
}

/** A run reserves this many numbers at once, so that the counter is written once per start. */
const sequencesPerRun = 1_000_000_000;
export const openSuffix = ".open";
export const sealedSuffix = ".ndjson";

export async function openNodeFolder(spoolDir: string, wanted?: string): Promise<NodeFolder> {
  await mkdir(spoolDir, { recursive: true });
  const { node, lock } = await takeFolder(spoolDir, wanted);
  const dir = path.join(spoolDir, node);
  const counter = path.join(dir, "sequence");
  const used = Number.parseInt(await readFile(counter, "utf8").catch(() => "0"), 10);
  const firstSequence = Math.max(Number.isFinite(used) ? used : 0, ((await newestSequence(dir)) ?? -1) + 1);
  await writeDurably(counter, String(firstSequence + sequencesPerRun));
  await syncDirectory(dir);
  await syncDirectory(spoolDir);
  return { node, dir, firstSequence, lock };
}

/** The wanted folder, else one that no living collector has, else a new one: its name is new among collectors of all machines. */
async function takeFolder(spoolDir: string, wanted: string | undefined): Promise<{ node: string; lock: FolderLock }> {
  const candidates = wanted === undefined ? [...(await nodeFolders(spoolDir)), randomBytes(8).toString("hex")] : [wanted];
  for (const node of candidates) {
    await mkdir(path.join(spoolDir, node), { recursive: true });
    const lock = await lockFolder(path.join(spoolDir, node));
    if (lock !== undefined) return { node, lock };
  }
  throw new CambiumError("SPOOL_LOCKED", `another collector writes to ${path.join(spoolDir, wanted ?? "")}`);
}

/** `<node>-<sequence>`, sixteen digits: sorts in the order of writing. */
export function segmentName(node: string, sequence: number): string {
  return `${node}-${String(sequence).padStart(16, "0")}`;
}

export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Folders of all collectors that ever wrote here. */
export async function nodeFolders(spoolDir: string): Promise<string[]> {
  const found = await readdir(spoolDir, { withFileTypes: true });
  return found
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function newestSequence(dir: string): Promise<number | undefined> {
  const numbers = (await readdir(dir)).flatMap((file) => {
    const found = /-(\d{16})\.(?:open|ndjson)$/.exec(file);
    return found === null ? [] : [Number(found[1])];
  });
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
