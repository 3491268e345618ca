import { stat } from "node:fs/promises";
import { sealedSegments } from "../collect/load/sealed-segments.js";
import { isoOf } from "../base/instant.js";

/** What the collector has sealed and the loader has not taken in yet: the backlog in front of the warehouse. */
export async function spoolState(spoolDir: string): Promise<{ segments: number; bytes: number; oldestAt: string | null }> {
  const segments = await sealedSegments(spoolDir);
  let oldest = Number.POSITIVE_INFINITY;
  for (const segment of segments) {
    // One that was loaded and removed meanwhile no longer waits.
    const info = await stat(segment.file).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "ENOENT") return undefined;
      throw thrown;
    });
    if (info !== undefined) oldest = Math.min(oldest, info.mtimeMs);
  }
  return {
    segments: segments.length,
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    oldestAt: Number.isFinite(oldest) ? isoOf(Math.round(oldest * 1000)) : null,
  };
}
