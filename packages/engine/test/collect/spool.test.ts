import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "../../src/collect/spool/folder-lock.js";
import { frameHeader, walkFrames } from "../../src/collect/spool/frame.js";
import { Spool, type SpoolFiles, type SpoolSettings } from "../../src/collect/spool/spool.js";
import { readWhole } from "../../src/collect/spool/whole-segment.js";

let dir: string;
const opened: Spool[] = [];
beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "cambium-spool-"));
});
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(settings: Partial<SpoolSettings> = {}): Promise<Spool> {
  const spool = await Spool.open({ dir, segmentAgeMaxMs: 10_000, ...settings });
  opened.push(spool);
  return spool;
}

function append(spool: Spool, ...lines: string[]): Promise<string> {
  return new Promise((resolve) => {
    const text = lines.map((line) => `${JSON.stringify({ e: line })}\n`).join("");
    spool.append(Buffer.from(text), lines.length, (failed) => resolve(failed?.code ?? "kept"));
  });
}

/** What intact frames of all files hold, sealed or not, in the order of writing. */
async function contents(spool: Spool): Promise<string[]> {
  const found: string[] = [];
  for (const file of (await readdir(spool.dir)).filter((entry) => /\.(open|ndjson)$/.test(entry)).sort()) {
    const bytes = await readFile(path.join(spool.dir, file));
    for (const frame of walkFrames(bytes).frames.filter(({ intact }) => intact)) {
      const lines = bytes.toString("utf8", frame.dataStart, frame.end).trimEnd().split("\n");
      expect(lines).toHaveLength(frame.events);
      found.push(...lines.map((line) => (JSON.parse(line) as { e: string }).e));
    }
  }
  return found;
}

test("requests that wait together share one commit, in order", async () => {
  const spool = await open();
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
  expect(await Promise.all(lines.map((line) => append(spool, line)))).toEqual(lines.map(() => "kept"));
  expect(spool.counts.commits).toBeLessThan(10);
  expect(spool.counts.events).toBe(50);
  expect(await contents(spool)).toEqual(lines);
});

test("a segment is sealed by size, and by age while events flow", async () => {
  const sealed: string[] = [];
  const spool = await open({ segmentBytesMax: 200, onSealed: (file) => sealed.push(path.basename(file)) });
  for (let n = 0; n < 10; n += 1) await append(spool, `a line of some length ${n}`);
  await spool.sealNow();
  expect(sealed.length).toBeGreaterThan(2);
  expect(new Set(sealed).size).toBe(sealed.length);
  const aged = await open({ node: "other", segmentAgeMaxMs: 5, onSealed: (file) => sealed.push(path.basename(file)) });
  await append(aged, "x");
  await expect.poll(() => sealed.some((file) => file.startsWith("other-")), { interval: 5 }).toBe(true);
});

test("names are never used twice, whatever was deleted and whatever the clock says", async () => {
  const names = new Set<string>();
  for (let run = 0; run < 3; run += 1) {
    const spool = await Spool.open({ dir });
    await append(spool, "x");
    await spool.close();
    for (const file of (await readdir(spool.dir)).filter((entry) => entry.endsWith(".ndjson"))) {
      expect(names.has(file)).toBe(false);
      names.add(file);
      await rm(path.join(spool.dir, file));
    }
  }
  expect(names.size).toBe(3);
});

test("a torn tail is cut at the next start, and nothing before it", async () => {
  const first = await open();
  await append(first, "kept 1");
  await append(first, "kept 2");
  const file = (await readdir(first.dir)).filter((entry) => entry.endsWith(".open")).sort()[0] ?? "";
  const whole = await readFile(path.join(first.dir, file));
  const lost = Buffer.from('{"e":"never acknowledged"}\n');
  const frame = Buffer.concat([frameHeader(1, [lost]), lost]);
  for (let length = 1; length < frame.length; length += 1) {
    await rm(dir, { recursive: true });
    fs.mkdirSync(path.join(dir, "n"), { recursive: true });
    await writeFile(path.join(dir, "n", "n-0000000000000001.open"), Buffer.concat([whole, frame.subarray(0, length)]));
    const spool = await Spool.open({ dir });
    expect(spool.repair.tornBytes).toBe(length);
    expect(await contents(spool)).toEqual(["kept 1", "kept 2"]);
    await spool.close();
  }
  opened.splice(0);
});

test("a full spool refuses, and takes events again when the loader has made room", async () => {
  const spool = await open({ bytesMax: 300, segmentBytesMax: 100 });
  let kept = 0;
  for (let n = 0; n < 20; n += 1) if ((await append(spool, `event number ${n}`)) === "kept") kept += 1;
  expect(kept).toBeGreaterThan(1);
  expect(kept).toBeLessThan(20);
  expect(spool.full).toBe(true);
  await spool.sealNow();
  expect(await contents(spool)).toHaveLength(kept);
  for (const file of (await readdir(spool.dir)).filter((entry) => entry.endsWith(".ndjson"))) await rm(path.join(spool.dir, file));
  await expect.poll(() => append(spool, "again"), { interval: 50, timeout: 5000 }).toBe("kept");
});

type Call = "open" | "writev" | "sync";

/** Calls that a disk may refuse, each failing by its own plan. A sync fails where it happens: in the write, or behind it. */
function brokenFiles(syncOnWrite: boolean, plan: { fails(call: Call): boolean; short?: boolean }): SpoolFiles {
  const noSpace = () => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  return {
    ...fs,
    open: ((file: string, flags: string, mode: number, done: (error: Error | null, fd: number) => void) =>
      plan.fails("open") ? done(noSpace(), -1) : fs.open(file, flags, mode, done)) as SpoolFiles["open"],
    writev: ((fd: number, chunks: Buffer[], position: number, done: (error: Error | null, written: number) => void) => {
      // A disk that fills up writes what fits, then says so.
      if (plan.fails("writev") && plan.short === true) {
        return fs.writev(fd, [(chunks[0] as Buffer).subarray(0, 7)], position, () => done(noSpace(), 0));
      }
      if (plan.fails("writev")) return done(noSpace(), 0);
      if (plan.fails("sync") && syncOnWrite) return fs.writev(fd, chunks, position, () => done(noSpace(), 0));
      return fs.writev(fd, chunks, position, done);
    }) as SpoolFiles["writev"],
    fdatasync: ((fd: number, done: (error: Error | null) => void) =>
      plan.fails("sync") ? done(noSpace()) : fs.fdatasync(fd, done)) as SpoolFiles["fdatasync"],
  };
}

const refusals = [
  ["open", false],
  ["writev", false],
  ["writev", true],
  ["sync", false],
] as const;

test.each(refusals.flatMap(([call, short]) => [true, false].map((syncOnWrite) => ({ call, short, syncOnWrite }))))(
  "a disk that refuses $call (short write: $short, synced by the write: $syncOnWrite): 503 while it does, then all is well",
  async ({ call, short, syncOnWrite }) => {
    let broken = false;
    const files = brokenFiles(syncOnWrite, { fails: (asked) => broken && asked === call, short });
    const spool = await open({ files, syncOnWrite, segmentBytesMax: 80 });
    expect(await append(spool, "before")).toBe("kept");
    broken = true;
    const during = await Promise.all(Array.from({ length: 8 }, (_, index) => append(spool, `during ${index} ${"x".repeat(40)}`)));
    const more = await append(spool, `during more ${"x".repeat(40)}`);
    expect([...during, more]).toContain("SPOOL_FULL");
    broken = false;
    expect(await append(spool, "after")).toBe("kept");
    await spool.sealNow();
    const kept = [...during, more].flatMap((outcome, index) => (outcome === "kept" ? [index < 8 ? `during ${index}` : "during more"] : []));
    expect((await contents(spool)).map((line) => line.replace(/ x+$/, ""))).toEqual(["before", ...kept, "after"]);
  },
);

test.each([true, false])("nobody is answered before the disk has what was sent (synced by the write: %s)", async (syncOnWrite) => {
  const calls: string[] = [];
  const files: SpoolFiles = {
    ...fs,
    open: ((file: string, flags: number, mode: number, done: (error: Error | null, fd: number) => void) => {
      calls.push((flags & fs.constants.O_DSYNC) === 0 ? "open" : "open to sync");
      fs.open(file, flags, mode, done);
    }) as SpoolFiles["open"],
    writev: ((fd: number, chunks: Buffer[], position: number, done: (error: Error | null, written: number) => void) =>
      fs.writev(fd, chunks, position, (error, written) => {
        calls.push("written");
        done(error, written);
      })) as SpoolFiles["writev"],
    fdatasync: ((fd: number, done: (error: Error | null) => void) =>
      fs.fdatasync(fd, (error) => {
        calls.push("synced");
        done(error);
      })) as SpoolFiles["fdatasync"],
  };
  const spool = await open({ files, syncOnWrite });
  await append(spool, "one");
  // The second one opened is made ahead, for later.
  expect(calls.filter((call, index) => index === 0 || !call.startsWith("open"))).toEqual(
    syncOnWrite ? ["open to sync", "written"] : ["open", "written", "synced"],
  );
});

test("accepted lines survive any pattern of failures, refused ones leave no trace", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("ok", "open", "writev", "short", "sync"), { minLength: 5, maxLength: 40 }),
      fc.integer({ min: 40, max: 400 }),
      fc.boolean(),
      async (plan, segmentBytesMax, syncOnWrite) => {
        await rm(dir, { recursive: true, force: true });
        let mode = "ok";
        const files = brokenFiles(syncOnWrite, {
          fails: (call) => mode === call || (mode === "short" && call === "writev"),
          get short() {
            return mode === "short";
          },
        });
        const spool = await Spool.open({ dir, files, syncOnWrite, segmentBytesMax, segmentAgeMaxMs: 10_000 });
        const kept: string[] = [];
        for (const [index, step] of plan.entries()) {
          mode = step;
          const line = `line ${index}`;
          if ((await append(spool, line)) === "kept") kept.push(line);
        }
        mode = "ok";
        await spool.close();
        expect(await contents(spool)).toEqual(kept);
      },
    ),
    { numRuns: 80 },
  );
});

test("walking frames never throws, finds intact frames behind damage, and believes no damaged one", () => {
  const frame = (text: string) => {
    const data = Buffer.from(`${JSON.stringify({ e: text })}\n`);
    return Buffer.concat([frameHeader(1, [data]), data]);
  };
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      fc.option(fc.nat()),
      (texts, flips, cut) => {
        const frames = texts.map(frame);
        const whole = Buffer.concat(frames);
        const bytes = Buffer.from(cut === null ? whole : whole.subarray(0, cut % (whole.length + 1)));
        for (const [at, mask] of flips) if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
        const walk = walkFrames(bytes);
        let start = 0;
        const untouched = frames.filter((one) => {
          const same = bytes.subarray(start, start + one.length).equals(one);
          start += one.length;
          return same;
        });
        const intact = walk.frames
          .filter((found) => found.intact)
          .map((found) => bytes.subarray(found.start, found.end).toString("latin1"));
        for (const one of untouched) expect(intact).toContain(one.toString("latin1"));
        // Every byte is in a frame or in a gap.
        const covered =
          walk.frames.reduce((sum, found) => sum + found.end - found.start, 0) +
          walk.gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0);
        expect(covered).toBe(bytes.length);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a segment is whole where walking its frames finds nothing wrong, in pieces of any size", async () => {
  const file = path.join(dir, "pieces");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.string({ maxLength: 300 }), { maxLength: 4 }), { maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 1 }),
      fc.option(fc.nat(), { freq: 3 }),
      fc.integer({ min: 100, max: 2_000 }),
      async (frames, flips, cut, pieceBytes) => {
        const whole = Buffer.concat(
          frames.flatMap((texts) => {
            const lines = texts.map((text) => Buffer.from(`${JSON.stringify({ e: text })}\n`));
            return [frameHeader(lines.length, lines), ...lines];
          }),
        );
        const bytes = Buffer.from(cut === null ? whole : whole.subarray(0, cut % (whole.length + 1)));
        for (const [at, mask] of flips) if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
        await writeFile(file, bytes);
        const walk = walkFrames(bytes);
        const isWhole = walk.gaps.length === 0 && walk.frames.every(({ intact }) => intact);
        const expected = {
          events: walk.frames.reduce((sum, frame) => sum + frame.events, 0),
          frameBytesMax: walk.frames.reduce((max, frame) => Math.max(max, frame.end - frame.dataStart), 0),
        };
        expect(await readWhole(file, pieceBytes)).toEqual(isWhole ? expected : undefined);
      },
    ),
    { numRuns: 300 },
  );
});

test("a folder belongs to one living collector; another gets its own, and none is left unrepaired", async () => {
  const first = await open();
  const second = await open();
  expect(second.node).not.toBe(first.node);
  await expect(Spool.open({ dir, node: first.node })).rejects.toMatchObject({ code: "SPOOL_LOCKED" });
  await append(first, "first");
  await append(second, "second");
  expect(await contents(first)).toEqual(["first"]);
  expect(await contents(second)).toEqual(["second"]);
  fs.mkdirSync(path.join(dir, "gone"));
  const line = Buffer.from('{"e":"left behind"}\n');
  await writeFile(path.join(dir, "gone", "gone-0000000000000007.open"), Buffer.concat([frameHeader(1, [line]), line]));
  await open();
  expect(await readdir(path.join(dir, "gone"))).toContain("gone-0000000000000007.ndjson");
});

test("of many who find a dead owner's lock at once, one gets it, round after round", async () => {
  const dying = path.join(dir, "dead");
  const program = `require("node:net").createServer().listen(${JSON.stringify(dying)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", program]);
  fs.renameSync(dying, path.join(dir, "lock-7"));
  for (let round = 0; round < 60; round += 1) {
    const locks = (await Promise.all(Array.from({ length: 6 }, () => lockFolder(dir)))).filter((lock) => lock !== undefined);
    expect(locks).toHaveLength(1);
    expect(await lockFolder(dir)).toBeUndefined();
    // Those who lost leave nothing behind; the owner's own socket stays when it goes, dead, for the next to count on.
    expect(await readdir(dir)).toEqual([`lock-${8 + round}`]);
    await locks[0]?.release();
  }
});

test("what was open with damage in the middle is kept for the loader to judge", async () => {
  const spool = await open();
  await append(spool, "one");
  await append(spool, "two");
  await append(spool, "three");
  const file = path.join(spool.dir, (await readdir(spool.dir)).filter((entry) => entry.endsWith(".open")).sort()[0] ?? "");
  const bytes = await readFile(file);
  bytes[bytes.indexOf("two")] = 0x58;
  await spool.close();
  const sealed = file.replace(".open", ".ndjson");
  await rm(sealed);
  await writeFile(file, bytes);
  const again = await Spool.open({ dir });
  expect(again.repair.tornBytes).toBe(0);
  expect(await contents(again)).toEqual(["one", "three"]);
  await again.close();
});
