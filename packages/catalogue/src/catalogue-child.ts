import { type ChildProcess, fork } from "node:child_process";
import type { RequestTrace } from "./engine.js";
import type { ChildFiles } from "./child-files.js";
import type { DeliverCall, FromChild, ToChild, VerifyCall } from "./protocol.js";

/** The child died, was killed at its deadline, or never came up: nothing is known about the calls it had. */
export class ChildGone extends Error {
  override readonly name = "ChildGone";
}

export interface ChildOptions {
  readonly files: ChildFiles;
  readonly env: Readonly<Record<string, string>>;
  readonly heapMegabytes: number;
  readonly startDeadlineMs: number;
}

type Answer = Exclude<FromChild, { type: "ready" | "pace" | "trace" | "settled" }>;
type Settled = Extract<FromChild, { type: "settled" }>["rows"];

/** Who hears of a call while it goes on. */
export interface CallListener {
  trace(trace: RequestTrace): void;
  settled?(rows: Settled): void;
  /** Resolves when one more request may go. */
  pace?: (() => Promise<void>) | undefined;
}
type Call = Omit<DeliverCall, "id"> | Omit<VerifyCall, "id">;

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly listener: CallListener;
  deadline: NodeJS.Timeout | undefined;
  readonly deadlineMs: number;
}

const stderrCharactersMax = 2_000;

/** One child process and the calls it has in hand. When it goes, every call in hand is answered with `ChildGone`. */
export class CatalogueChild {
  readonly #process: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #gone: string | undefined;
  #retired = false;
  #stderr = "";
  /** Calls taken so far. */
  calls = 0;

  constructor(options: ChildOptions) {
    this.#process = fork(options.files.child, [], {
      execArgv: ["--require", options.files.netguard, `--max-old-space-size=${options.heapMegabytes}`],
      env: options.env,
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-stderrCharactersMax);
    });
    this.#process.on("exit", (code, signal) =>
      this.#end(`the destination process ended (${signal ?? `code ${String(code)}`}) ${lastLine(this.#stderr)}`),
    );
    this.#process.on("error", (error) => this.#end(`the destination process could not run: ${error.message}`));
    this.#ready = this.#start(options.startDeadlineMs);
    this.#ready.catch(() => undefined); // told again to each call
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get alive(): boolean {
    return this.#gone === undefined && !this.#retired;
  }

  get idle(): boolean {
    return this.#pending.size === 0;
  }

  async call(call: Call, deadlineMs: number, listener: CallListener, signal?: AbortSignal): Promise<Answer> {
    this.calls += 1;
    const id = (this.#lastId += 1);
    // Registered before anything is awaited: a retired child must not end between two steps of a call.
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, listener, deadline: undefined, deadlineMs });
      this.#watch(id);
    });
    const cancel = () => this.#send({ type: "cancel", id });
    signal?.addEventListener("abort", cancel);
    try {
      if (this.#gone !== undefined) throw new ChildGone(this.#gone);
      await Promise.race([this.#ready, answer]);
      this.#send({ ...call, id } as ToChild);
      return await answer;
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#forget(id);
    }
  }

  /** Takes no more calls and ends when those in hand are answered. */
  retire(): void {
    this.#retired = true;
    if (this.idle) this.kill("retired");
  }

  kill(reason: string): void {
    this.#end(reason);
    this.#process.kill("SIGKILL");
  }

  /** Resolves when the process is gone. */
  async ended(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return;
    await new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
  }

  #start(deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.kill(`it did not start within ${deadlineMs} ms`), deadlineMs);
      this.#process.once("exit", () => {
        clearTimeout(deadline);
        reject(new ChildGone(this.#gone ?? "the destination process ended"));
      });
      this.#process.on("message", (message: FromChild) => {
        if (message.type === "ready") {
          clearTimeout(deadline);
          resolve();
        } else this.#take(message);
      });
    });
  }

  #take(message: Exclude<FromChild, { type: "ready" }>): void {
    const pending = this.#pending.get(message.id);
    this.#watch(message.id);
    if (message.type === "pace") void this.#pace(message.id, message.request);
    else if (message.type === "trace") pending?.listener.trace(message.trace);
    else if (message.type === "settled") pending?.listener.settled?.(message.rows);
    else pending?.resolve(message);
  }

  /** Every sign of life starts the deadline anew: a slow destination is not a dead process. */
  #watch(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    clearTimeout(pending.deadline);
    pending.deadline = setTimeout(() => this.kill(`no answer within ${pending.deadlineMs} ms`), pending.deadlineMs);
  }

  async #pace(id: number, request: number): Promise<void> {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.deadline); // waiting for the rate limit is not the child's fault
    const go = await (pending?.listener.pace?.() ?? Promise.resolve()).then(
      () => true,
      () => false, // the call was stopped; its rows say so
    );
    this.#watch(id);
    if (this.#gone === undefined) this.#send({ type: "paced", request, go });
  }

  #send(message: ToChild): void {
    if (!this.#process.connected) return this.#end("the destination process is not connected");
    this.#process.send(message, (error) => {
      if (error !== null) this.#end(`the destination process could not be reached: ${error.message}`);
    });
  }

  #end(reason: string): void {
    this.#gone ??= reason.trim();
    for (const [id, pending] of this.#pending) {
      pending.reject(new ChildGone(this.#gone));
      this.#forget(id);
    }
  }

  #forget(id: number): void {
    clearTimeout(this.#pending.get(id)?.deadline);
    this.#pending.delete(id);
    if (this.#retired && this.idle) this.kill("retired");
  }
}

const lastLine = (text: string) =>
  text
    .trim()
    .split("\n")
    .findLast((line) => line.trim() !== "" && !line.startsWith("Node.js")) ?? "";
