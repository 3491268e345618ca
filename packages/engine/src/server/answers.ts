import type { LedgerCheck } from "../observe/ledger.js";
import type { RunResult } from "../activate/run.js";
import type { Verification } from "../run/verify.js";
import type { DryRun, Json, SyncRunResult, VerifyAnswer } from "./contract.js";

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

const rowsShownMax = 20;
/** Fields as a destination gets them: dates and big numbers as their text. */
const asJson = (fields: Readonly<Record<string, unknown>>) => JSON.parse(JSON.stringify(fields)) as Json;

export function dryRunAnswerOf(result: RunResult): DryRun {
  const { planned, preview } = result;
  return {
    sync: result.sync,
    added: planned.added,
    changed: planned.changed,
    removed: planned.removed,
    unchanged: preview?.unchanged ?? 0,
    requests: result.requests.map((request) => ({
      requestId: request.requestId,
      method: request.method,
      url: request.url,
      requestHeaders: { ...request.requestHeaders },
      ...(request.requestBody !== undefined && { requestBody: request.requestBody }),
    })),
    requestsTotal: result.requests.length,
    rows: (preview?.rows ?? []).slice(0, rowsShownMax).map(({ key, change, fields }) => ({ key, change, fields: asJson(fields) })),
    problems: (preview?.problems ?? []).map(({ key, reason }) => ({ key, reason })),
    guard: preview?.guarded === undefined ? null : { stops: true, sentence: `The guard would stop this run: it ${preview.guarded}.` },
  };
}

export function syncAnswerOf(result: RunResult): SyncRunResult {
  const sentence =
    result.state === "even"
      ? "There was nothing to send."
      : `${result.delivered} delivered, ${result.failed} failed, ${result.skipped} skipped${result.message === undefined ? "" : `: ${result.message}`}.`;
  return { sync: result.sync, accepted: result.state !== "guarded", sentence, run: null };
}
