import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rename } from "node:fs/promises";
import path from "node:path";

/**
 * The folder of one collector inside the spool. Its name is the collector's node id; a counter kept beside the segments
 * makes segment names unique for ever, through crashes, clock jumps and deleted files.
 */
export interface NodeFolder {
  readonly node: string;
  readonly dir: string;
  /** First sequence number of this run: greater than any given out before. */
  readonly firstSequence: number;
}

/** A run reserves this many numbers at once, so that the counter is written once per start. */
const sequencesPerRun = 1_000_000_000;
export const openSuffix = ".open";
export const sealedSuffix = ".ndjson";

export async function openNodeFolder(spoolDir: string, wanted?: string): Promise<NodeFolder> {
  await mkdir(spoolDir, { recursive: true });
  const node = wanted ?? (await soleNode(spoolDir)) ?? randomBytes(4).toString("hex");
  const dir = path.join(spoolDir, node);
  await mkdir(dir, { recursive: true });
  const counter = path.join(dir, "sequence");
  const used = Number.parseInt(await readFile(counter, "utf8").catch(() => "0"), 10);
  const firstSequence = Math.max(Number.isFinite(used) ? used : 0, ((await newestSequence(dir)) ?? -1) + 1);
  await writeDurably(counter, String(firstSequence + sequencesPerRun));
  await syncDirectory(dir);
  await syncDirectory(spoolDir);
  return { node, dir, firstSequence };
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

/** The folder of the collector that ran here before, when there is exactly one. */
async function soleNode(spoolDir: string): Promise<string | undefined> {
  const folders = (await readdir(spoolDir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return folders.length === 1 ? folders[0]?.name : undefined;
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
