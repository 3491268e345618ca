/**
 * Owns the child processes in which catalogue destinations run, and gives destinations that use them. A child serves one
 * destination with one set of secrets and allowed hosts, is started when needed, replaced after a number of calls, and
 * ended when idle. What happens to a child never loses a row: those it had not settled answer "retry".
 */
import { type CallListener, CatalogueChild, ChildGone } from "./catalogue-child.js";
import { childFiles, type ChildFiles } from "./child-files.js";
import { makeDestination } from "./destination.js";
import { CambiumError, type Destination } from "./engine.js";
import { findEntry, listCatalogue } from "./list.js";
import type { DeliverCall, VerifyCall } from "./protocol.js";

export interface CatalogueOptions {
  /** Where partner secrets (`CatalogueEntry.environment`) are looked up; the process's own environment unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A loopback address that gets all requests of all destinations: for tests. */
  readonly redirectTo?: string;
  readonly requestTimeoutMs?: number;
  /** A call without any sign of life for this long ends with its child. */
  readonly callDeadlineMs?: number;
  readonly heapMegabytes?: number;
  readonly childrenMax?: number;
  /** A child is replaced after this many calls: upstream code leaks. */
  readonly callsPerChildMax?: number;
  readonly idleMs?: number;
}

export const catalogueDefaults = {
  requestTimeoutMs: 30_000,
  callDeadlineMs: 120_000,
  startDeadlineMs: 30_000,
  heapMegabytes: 256,
  childrenMax: 4,
  callsPerChildMax: 500,
  idleMs: 60_000,
} as const;

export type CatalogueCall = Omit<DeliverCall, "id"> | Omit<VerifyCall, "id">;

export interface ChildWants {
  readonly slug: string;
  readonly allow: readonly string[];
  /** Nothing but `allow` may be reached: requests are redirected there. */
  readonly allowOnly: boolean;
  readonly environment: readonly string[];
}

export interface Catalogue extends AsyncDisposable {
  /** Throws NOT_FOUND for an unknown slug. */
  destination(slug: string): Destination;
  /** Processes that run now: for `status` and fault tests. */
  processIds(): number[];
  close(): Promise<void>;
}

export function openCatalogue(options: CatalogueOptions = {}): Catalogue {
  const pool = new ChildPool(options);
  return {
    destination(slug) {
      const entry = findEntry(slug);
      if (entry === undefined) throw new CambiumError("NOT_FOUND", `the catalogue has no destination "${slug}"${nearest(slug)}`);
      return makeDestination(entry, pool, options);
    },
    processIds: () => pool.processIds(),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

interface PooledChild {
  readonly child: CatalogueChild;
  usedAt: number;
}

export class ChildPool {
  readonly #options: CatalogueOptions;
  readonly #children = new Map<string, PooledChild>();
  readonly #retired = new Set<CatalogueChild>();
  #files: Promise<ChildFiles> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #uses = 0;
  #closed = false;

  constructor(options: CatalogueOptions) {
    this.#options = options;
  }

  async call(wants: ChildWants, call: CatalogueCall, listener: CallListener, signal: AbortSignal | undefined) {
    const child = await this.#childFor(wants);
    return child.call(call, this.#options.callDeadlineMs ?? catalogueDefaults.callDeadlineMs, listener, signal);
  }

  processIds(): number[] {
    return [...this.#children.values()].flatMap(({ child }) => (child.alive && child.pid !== undefined ? [child.pid] : []));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#idleTimer);
    const all = [...[...this.#children.values()].map(({ child }) => child), ...this.#retired];
    this.#children.clear();
    for (const child of all) child.kill("the catalogue was closed");
    await Promise.all(all.map((child) => child.ended()));
  }

  async #childFor(wants: ChildWants): Promise<CatalogueChild> {
    this.#files ??= childFiles();
    const files = await this.#files;
    if (this.#closed) throw new ChildGone("the catalogue was closed");
    const key = JSON.stringify([wants.slug, wants.allowOnly, [...wants.allow].sort()]);
    const known = this.#children.get(key);
    this.#uses += 1;
    if (known?.child.alive === true && known.child.calls < (this.#options.callsPerChildMax ?? catalogueDefaults.callsPerChildMax)) {
      known.usedAt = this.#uses;
      return known.child;
    }
    if (known !== undefined) this.#retire(key, known.child);
    this.#makeRoom();
    const child = new CatalogueChild({
      files,
      env: this.#environmentOf(wants),
      heapMegabytes: this.#options.heapMegabytes ?? catalogueDefaults.heapMegabytes,
      startDeadlineMs: catalogueDefaults.startDeadlineMs,
    });
    this.#children.set(key, { child, usedAt: this.#uses });
    this.#watchIdle();
    return child;
  }

  #retire(key: string, child: CatalogueChild): void {
    this.#children.delete(key);
    this.#retired.add(child);
    void child.ended().then(() => this.#retired.delete(child));
    child.retire();
  }

  /** The least recently used child makes room; if it has calls in hand, it ends after them. */
  #makeRoom(): void {
    while (this.#children.size >= (this.#options.childrenMax ?? catalogueDefaults.childrenMax)) {
      const [oldest] = [...this.#children].sort(([, left], [, right]) => left.usedAt - right.usedAt);
      if (oldest === undefined) return;
      this.#retire(oldest[0], oldest[1].child);
    }
  }

  #watchIdle(): void {
    if (this.#idleTimer !== undefined) return;
    let usesBefore = new Map<CatalogueChild, number>();
    this.#idleTimer = setInterval(() => {
      const uses = new Map([...this.#children.values()].map(({ child }) => [child, child.calls]));
      for (const [key, { child }] of this.#children) {
        if (child.idle && usesBefore.get(child) === child.calls) this.#retire(key, child);
      }
      usesBefore = uses;
    }, this.#options.idleMs ?? catalogueDefaults.idleMs);
    this.#idleTimer.unref();
  }

  /** Nothing of ours goes along: only the partner secrets that this destination's code reads. */
  #environmentOf(wants: ChildWants): Record<string, string> {
    const source = this.#options.environment ?? process.env;
    const names = [...wants.environment, "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    const passed = names.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]] as const]));
    return {
      ...Object.fromEntries(passed),
      NODE_ENV: "production",
      NODE_NO_WARNINGS: "1",
      TZ: "UTC",
      CAMBIUM_ALLOW: wants.allow.join(","),
      CAMBIUM_ALLOW_ONLY: wants.allowOnly ? "1" : "0",
    };
  }
}

function nearest(slug: string): string {
  const found = listCatalogue().find((entry) => entry.slug.includes(slug) || slug.includes(entry.slug));
  return found === undefined ? "" : `; did you mean "${found.slug}"?`;
}
