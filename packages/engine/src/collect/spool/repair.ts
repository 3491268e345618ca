import { readFile, readdir, rename, rm, truncate } from "node:fs/promises";
import path from "node:path";
import { walkFrames } from "./frame.js";
import { lockFolder } from "./folder-lock.js";
import { nodeFolders, openSuffix, sealedSuffix, syncDirectory } from "./node-folder.js";

export interface Repair {
  readonly sealed: readonly string[];
  /** Bytes of frames that were being written when the collector died: never acknowledged, so cut off. */
  readonly tornBytes: number;
}

/** Seals what a collector that died left open. Damaged frames stay: the loader puts them into quarantine. */
export async function repairFolder(dir: string): Promise<Repair> {
  const sealed: string[] = [];
  let tornBytes = 0;
  for (const file of (await readdir(dir)).filter((entry) => entry.endsWith(openSuffix)).sort()) {
    const from = path.join(dir, file);
    const segment = await readFile(from);
    const walk = walkFrames(segment);
    const end = walk.torn ? (walk.gaps.at(-1)?.start ?? segment.length) : segment.length;
    if (end === 0) {
      tornBytes += segment.length;
      await rm(from);
      continue;
    }
    if (end < segment.length) {
      tornBytes += segment.length - end;
      await truncate(from, end);
    }
    const to = from.slice(0, -openSuffix.length) + sealedSuffix;
    await rename(from, to);
    sealed.push(to);
  }
  await syncDirectory(dir);
  return { sealed, tornBytes };
}

/** Seals what collectors left that will not come back; folders of living ones are theirs. */
export async function repairAbandoned(spoolDir: string): Promise<void> {
  for (const node of await nodeFolders(spoolDir)) {
    const dir = path.join(spoolDir, node);
    const lock = await lockFolder(dir);
    if (lock === undefined) continue;
    try {
      await repairFolder(dir);
    } finally {
      await lock.release();
    }
  }
}
