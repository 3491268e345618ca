import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { sealedSuffix } from "../../src/collect/spool/node-folder.js";
import { spoolState } from "../../src/run/spool-state.js";

test("sealed segments are counted with their bytes and the oldest one's time; open ones are not", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-spool-"));
  try {
    expect(await spoolState(dir)).toEqual({ segments: 0, bytes: 0, oldestAt: null });
    await mkdir(path.join(dir, "node-a"));
    for (const [name, seconds] of [
      [`2${sealedSuffix}`, 200],
      [`1${sealedSuffix}`, 100],
      ["3.open", 50],
    ] as const) {
      await writeFile(path.join(dir, "node-a", name), "12345");
      await utimes(path.join(dir, "node-a", name), seconds, seconds);
    }
    expect(await spoolState(dir)).toEqual({ segments: 2, bytes: 10, oldestAt: "1970-01-01T00:01:40.000000Z" });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
