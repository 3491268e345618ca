import fs from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { CambiumError, messageOf } from "../../base/errors.js";
import { frameHeader } from "./frame.js";
import type { FolderLock } from "./folder-lock.js";
import { type NodeFolder, openNodeFolder, openSuffix, sealedSuffix, segmentName, syncDirectory } from "./node-folder.js";
import { type Repair, repairAbandoned, repairFolder } from "./repair.js";

/**
 * Appends events durably: many requests share one write and one sync ("group commit", as soon as possible: the next
 * commit starts when the one before ends), and nobody is answered before it. A full disk or a full spool refuses;
 * it never loses what was accepted, and takes events again as soon as there is room.
 *
 * States of a segment: open (`.open`, being appended to) → sealed (`.ndjson`, whole and final, the loader's) → deleted by
 * the loader once its rows are committed.
 */
export interface SpoolSettings {
  readonly dir: string;
  readonly node?: string;
  readonly segmentBytesMax?: number;
  /** A segment is sealed this long after its first event. */
  readonly segmentAgeMaxMs?: number;
  /** All segments of this node together. */
  readonly bytesMax?: number;
  /** Called with the path of each sealed segment. */
  readonly onSealed?: (file: string) => void;
  /** Called with the seconds that each commit took to be written and synced. */
  readonly onCommit?: (seconds: number) => void;
  readonly files?: SpoolFiles;
  /** See `syncsOnWrite`. */
  readonly syncOnWrite?: boolean;
}

/** The system calls that can fail when a disk is full or broken; tests hand in ones that do. */
export type SpoolFiles = Pick<typeof fs, "open" | "writev" | "fdatasync" | "ftruncate" | "close">;

type Done = (failed: CambiumError | undefined) => void;

interface Waiting {
  readonly lines: Buffer;
  readonly events: number;
  readonly done: Done;
}

interface Segment {
  readonly fd: number;
  readonly file: string;
  size: number;
}

export interface SpoolCounts {
  commits: number;
  events: number;
  bytes: number;
  failures: number;
  sealed: number;
}

/**
 * On Linux a segment is opened with O_DSYNC: a write returns when its bytes are as durable as `fdatasync` makes them. That is
 * one trip to the thread pool for each commit instead of two. Others promise less for it, or have none: there the sync is
 * a call of its own.
 */
const syncsOnWrite = process.platform === "linux";
const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;

/** One write is never larger, so that one slow commit holds up little. */
const frameBytesMax = 8_000_000;
/** The folder is measured at most this often; and one with many segments, which takes long, no more than a tenth of the time. */
const measureEveryMs = 200;
const measurePauses = 9;

export class Spool {
  readonly node: string;
  readonly dir: string;
  readonly repair: Repair;
  readonly counts: SpoolCounts = { commits: 0, events: 0, bytes: 0, failures: 0, sealed: 0 };
  #settings: Required<Omit<SpoolSettings, "node" | "dir">>;
  #lock: FolderLock;
  #sequence: number;
  #segment: Segment | undefined;
  #spare: Promise<Segment> | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #committing = false;
  #ageTimer: NodeJS.Timeout | undefined;
  #sealWanted = false;
  #sealing: Promise<void> = Promise.resolve();
  /** Closed, but the disk refused the rename. */
  #unsealed: Segment[] = [];
  #sealedBytes = 0;
  #measureAfter = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  private constructor(folder: NodeFolder, repair: Repair, settings: SpoolSettings) {
    this.node = folder.node;
    this.dir = folder.dir;
    this.repair = repair;
    this.#lock = folder.lock;
    this.#sequence = folder.firstSequence;
    this.#settings = {
      segmentBytesMax: settings.segmentBytesMax ?? 48_000_000,
      segmentAgeMaxMs: settings.segmentAgeMaxMs ?? 250,
      bytesMax: settings.bytesMax ?? 20_000_000_000,
      onSealed: settings.onSealed ?? (() => undefined),
      onCommit: settings.onCommit ?? (() => undefined),
      files: settings.files ?? fs,
      syncOnWrite: settings.syncOnWrite ?? syncsOnWrite,
    };
  }

  /** Takes the node's folder, seals what an earlier run left, and is ready to append. */
  static async open(settings: SpoolSettings): Promise<Spool> {
    const folder = await openNodeFolder(settings.dir, settings.node);
    await repairAbandoned(settings.dir);
    const spool = new Spool(folder, await repairFolder(folder.dir), settings);
    await spool.#measure();
    return spool;
  }

  /** Bytes in sealed segments and the open one. */
  get bytes(): number {
    return this.#sealedBytes + (this.#segment?.size ?? 0);
  }

  /** Bytes of requests that wait for their commit. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get full(): boolean {
    return this.bytes >= this.#settings.bytesMax;
  }

  /** Lines, each ended by a newline; `done` is called after they are durable, or with why they are not kept. */
  append(lines: Buffer, events: number, done: Done): void {
    if (this.#closed) return done(new CambiumError("SPOOL_FULL", "the collector is shutting down"));
    if (this.full) {
      this.#measureSoon();
      return done(new CambiumError("SPOOL_FULL", `the spool holds ${this.bytes} bytes, its maximum`));
    }
    this.#waiting.push({ lines, events, done });
    this.#waitingBytes += lines.length;
    if (!this.#committing) this.#commit();
  }

  /** Hands over what is open without waiting for its age. */
  async sealNow(): Promise<void> {
    if (this.#committing) await new Promise<void>((resolve) => void this.#idle.push(resolve));
    this.#seal();
    await this.#sealing;
  }

  /** Lets running commits end, seals the open segment, gives the folder back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#ageTimer);
    if (this.#committing) await new Promise<void>((resolve) => void this.#idle.push(resolve));
    this.#seal();
    await this.#sealing;
    const spare = await this.#spare?.catch(() => undefined);
    if (spare !== undefined) {
      await this.#closeFile(spare.fd);
      await rm(spare.file, { force: true });
    }
    await this.#lock.release();
  }

  #commit(): void {
    this.#committing = true;
    const batch = this.#takeFrame();
    this.#current().then(
      (segment) => this.#write(segment, batch),
      (thrown: unknown) => this.#finish(batch, thrown),
    );
  }

  #takeFrame(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.lines.length > frameBytesMax) break;
      bytes += waiting.lines.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #write(segment: Segment, batch: readonly Waiting[]): void {
    const { files, syncOnWrite, onCommit } = this.#settings;
    const events = batch.reduce((sum, waiting) => sum + waiting.events, 0);
    const lines = batch.map((waiting) => waiting.lines);
    const chunks = [frameHeader(events, lines), ...lines];
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const started = performance.now();
    const done = (error: Error | null) => {
      if (error !== null) return this.#abandon(segment, batch, error);
      onCommit((performance.now() - started) / 1000);
      segment.size += bytes;
      this.counts.commits += 1;
      this.counts.events += events;
      this.counts.bytes += bytes;
      this.#finish(batch, undefined);
    };
    this.#writeAll(segment.fd, chunks, segment.size, bytes, (error) => {
      if (error !== null || syncOnWrite) done(error);
      else files.fdatasync(segment.fd, done);
    });
  }

  /** `writev` may write less than asked (a disk that fills up does); the rest is tried until it is written or refused. */
  #writeAll(fd: number, chunks: Buffer[], position: number, left: number, done: (error: Error | null) => void): void {
    this.#settings.files.writev(fd, chunks, position, (error, written) => {
      if (error !== null) return done(error);
      if (written === left) return done(null);
      if (written === 0) return done(new Error("the disk took no bytes"));
      this.#writeAll(fd, skip(chunks, written), position + written, left - written, done);
    });
  }

  /** After a failed write or sync nothing of this commit may stay, and the file is not trusted any more. */
  #abandon(segment: Segment, batch: readonly Waiting[], error: unknown): void {
    this.#settings.files.ftruncate(segment.fd, segment.size, () => {
      // Whether or not the cut worked: the frame is incomplete or unacknowledged, and the segment ends here.
      this.#seal();
      this.#finish(batch, error);
    });
  }

  #finish(batch: readonly Waiting[], error: unknown): void {
    for (const waiting of batch) this.#waitingBytes -= waiting.lines.length;
    let failed: CambiumError | undefined;
    if (error !== undefined) {
      this.counts.failures += 1;
      failed = new CambiumError("SPOOL_FULL", `the spool cannot be written: ${messageOf(error)}`, { cause: error });
    }
    const size = this.#segment?.size ?? 0;
    if (size >= this.#settings.segmentBytesMax || this.#sealWanted) this.#seal();
    else if (size > 0 && this.#ageTimer === undefined && !this.#closed) this.#startAge();
    for (const waiting of batch) waiting.done(failed);
    if (this.#waiting.length > 0) return this.#commit();
    this.#committing = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #startAge(): void {
    this.#ageTimer = setTimeout(() => {
      if (this.#committing) this.#sealWanted = true;
      else this.#seal();
    }, this.#settings.segmentAgeMaxMs);
  }

  /** Renames in the background: what is acknowledged is durable under either name. */
  #seal(): void {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    this.#sealWanted = false;
    const segment = this.#segment;
    this.#segment = undefined;
    if (segment === undefined) return;
    this.#sealedBytes += segment.size;
    this.#sealing = this.#sealing.then(() => this.#sealFile(segment));
  }

  async #sealFile(segment: Segment): Promise<void> {
    await this.#closeFile(segment.fd);
    this.#unsealed.push(segment);
    for (const one of this.#unsealed.splice(0)) await this.#rename(one);
  }

  async #rename(segment: Segment): Promise<void> {
    const { file, size } = segment;
    const sealed = file.slice(0, -openSuffix.length) + sealedSuffix;
    try {
      await (size === 0 ? rm(file, { force: true }) : rename(file, sealed));
    } catch {
      // It stays `.open`, whole as it is: the next seal tries again, and so does the next start.
      this.counts.failures += 1;
      this.#unsealed.push(segment);
      return;
    }
    if (size === 0) return;
    this.counts.sealed += 1;
    this.#settings.onSealed(sealed);
    this.#measureSoon();
    try {
      await syncDirectory(this.dir);
    } catch {
      // Under either name the segment is found after a crash.
      this.counts.failures += 1;
    }
  }

  /** The open segment; a new one is usually made ahead, so that changing over costs no acknowledgement time. */
  async #current(): Promise<Segment> {
    if (this.#segment !== undefined) return this.#segment;
    const next = this.#spare ?? this.#create();
    this.#spare = undefined;
    this.#segment = await next;
    this.#spare = this.#create();
    // Looked at when it is needed; until then a failure is nobody's.
    this.#spare.catch(() => undefined);
    return this.#segment;
  }

  async #create(): Promise<Segment> {
    const file = path.join(this.dir, segmentName(this.node, this.#sequence) + openSuffix);
    this.#sequence += 1;
    const { files, syncOnWrite } = this.#settings;
    const flags = O_WRONLY | O_CREAT | O_EXCL | (syncOnWrite ? O_DSYNC : 0);
    const fd = await new Promise<number>((resolve, reject) => {
      files.open(file, flags, 0o644, (error, opened) => (error === null ? resolve(opened) : reject(error)));
    });
    await syncDirectory(this.dir);
    return { fd, file, size: 0 };
  }

  #closeFile(fd: number): Promise<void> {
    return new Promise((resolve) => this.#settings.files.close(fd, () => resolve()));
  }

  #measureSoon(): void {
    if (performance.now() < this.#measureAfter) return;
    this.#measureAfter = Number.POSITIVE_INFINITY;
    const started = performance.now();
    this.#measure()
      .catch(() => {
        this.counts.failures += 1;
      })
      .finally(() => {
        const now = performance.now();
        this.#measureAfter = now + Math.max(measureEveryMs, (now - started) * measurePauses);
      });
  }

  /** The loader deletes segments behind our back: look at what is really there. */
  async #measure(): Promise<void> {
    let bytes = 0;
    for (const file of await readdir(this.dir)) {
      if (!file.endsWith(sealedSuffix)) continue;
      bytes += await stat(path.join(this.dir, file)).then(
        (found) => found.size,
        () => 0,
      );
    }
    this.#sealedBytes = bytes;
  }
}

function skip(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    return skipped === chunk.length ? [] : [chunk.subarray(skipped)];
  });
}
