import type { LedgerCheck } from "../observe/ledger.js";
import type { RunResult } from "../activate/run.js";
import type { Verification } from "../run/verify.js";
import type { DryRun, SyncRunResult, VerifyAnswer } from "./contract.js";

/** What the stages return, in the words of the API. */

export function verifyAnswerOf(outcome: Verification, ledger: readonly LedgerCheck[]): VerifyAnswer {
  const equations = ledger.map((check) => ({
    name: check.name,
    title: check.title,
    ok: check.ok,
    sentence: check.sentence,
    compared: check.left,
    different: Math.abs(check.left - check.right),
    examples: [],
  }));
  const comparisons = outcome.comparisons.map((each) => {
    const different = each.missing + each.extra + each.different;
    return {
      name: each.table,
      title: each.table,
      ok: different === 0,
      sentence:
        different === 0
          ? `${each.rows} rows of ${each.table} equal a recompute from ${outcome.events} raw events.`
          : `${each.missing} rows missing, ${each.extra} too many, ${each.different} different of ${each.rows}.`,
      compared: each.rows,
      different,
      examples: each.examples.map((example) => ({
        entity: example.entityId,
        columns: example.columns,
        incremental: example.incremental.map(String),
        full: example.full.map(String),
      })),
    };
  });
  const checks = [...comparisons, ...equations];
  return { ok: checks.every((check) => check.ok), seconds: outcome.seconds, checks };
}

export function dryRunAnswerOf(result: RunResult): DryRun {
  const { planned } = result;
  return {
    sync: result.sync,
    added: planned.added,
    changed: planned.changed,
    removed: planned.removed,
    unchanged: 0,
    requests: result.requests.map((request) => ({
      requestId: request.requestId,
      method: request.method,
      url: request.url,
      requestHeaders: { ...request.requestHeaders },
      ...(request.requestBody !== undefined && { requestBody: request.requestBody }),
    })),
    requestsTotal: result.requests.length,
    rows: [],
    problems: [],
    guard: result.state === "guarded" ? { stops: true, sentence: result.message ?? "The guard stops this run." } : null,
  };
}

export function syncAnswerOf(result: RunResult): SyncRunResult {
  const sentence =
    result.state === "even"
      ? "There was nothing to send."
      : `${result.delivered} delivered, ${result.failed} failed, ${result.skipped} skipped${result.message === undefined ? "" : `: ${result.message}`}.`;
  return { sync: result.sync, accepted: result.state !== "guarded", sentence, run: null };
}
