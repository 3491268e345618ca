/** The child process: takes calls over IPC, answers each, holds nothing between them but loaded code and open sockets. */
import type { RowOutcome } from "../engine.js";
import type { DeliverCall, FromChild, ToChild, VerifyCall } from "../protocol.js";
import { deliver } from "./deliver.js";
import type { Exchange } from "./exchange.js";
import { installGuardedFetch } from "./guarded-fetch.js";
import { cleaner, redacted } from "./redact.js";
import type { Scope } from "./scope.js";
import { statusOfError } from "./outcomes.js";
import { verify } from "./verify.js";

const waiting = new Map<number, (go: boolean) => void>();
let lastRequest = 0;
const cancels = new Map<number, AbortController>();

installGuardedFetch();
process.on("message", (message: ToChild) => {
  if (message.type === "cancel") cancels.get(message.id)?.abort();
  else if (message.type === "paced") waiting.get(message.request)?.(message.go);
  else void answer(message);
});
process.on("disconnect", () => process.exit(0));
say({ type: "ready" });

async function answer(call: DeliverCall | VerifyCall): Promise<void> {
  const cancel = new AbortController();
  cancels.set(call.id, cancel);
  const clean = cleaner(call.secrets);
  try {
    const scope = scopeOf(call, cancel.signal);
    if (call.type === "verify") {
      const refusal = await verify(call, scope);
      say(
        refusal === undefined
          ? { type: "verified", id: call.id }
          : { type: "refused", id: call.id, ...refusal, reason: clean(refusal.reason) },
      );
      return;
    }
    const plain = (outcome: RowOutcome) => ("reason" in outcome ? { ...outcome, reason: clean(outcome.reason) } : outcome);
    await deliver(call, scope, (rows) =>
      say({ type: "settled", id: call.id, rows: rows.map(([index, outcome]) => [index, plain(outcome)] as const) }),
    );
    say({ type: "delivered", id: call.id });
  } catch (error) {
    say({ type: "refused", id: call.id, reason: clean(statusOfError(error).reason), auth: false });
  } finally {
    cancels.delete(call.id);
  }
}

function scopeOf(call: DeliverCall | VerifyCall, signal: AbortSignal): Scope {
  return {
    slug: call.slug,
    allow: call.allow,
    redirectTo: call.redirectTo,
    requestTimeoutMs: call.requestTimeoutMs,
    dryRun: call.type === "deliver" && call.dryRun,
    signal,
    pace: () => (call.paced ? paced(call.id) : Promise.resolve()),
    exchanges: [],
    record: (exchange: Exchange) => say({ type: "trace", id: call.id, trace: redacted(exchange, call.secrets) }),
  };
}

function paced(id: number): Promise<void> {
  const request = (lastRequest += 1);
  return new Promise((resolve, reject) => {
    waiting.set(request, (go) => {
      waiting.delete(request);
      if (go) resolve();
      else reject(new Error("stopped before this request went out"));
    });
    say({ type: "pace", id, request });
  });
}

function say(message: FromChild): void {
  // A parent that is gone ends this process by "disconnect"; there is nobody to tell meanwhile.
  if (process.connected) process.send?.(message);
}
