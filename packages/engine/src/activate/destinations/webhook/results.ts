import { z } from "zod";
import type { DestinationRow, RowOutcome } from "../../destination.js";
import type { HttpResult } from "../../http.js";
import { isRetryable } from "../../http.js";

/** What a receiver said about each row. */

const answer = z.object({
  results: z.array(
    z.object({
      key: z.string().optional(),
      status: z.number().int(),
      error: z.string().optional(),
      retry_after: z.number().min(0).optional(),
    }),
  ),
});

/** Outcomes by row where the body has them, else undefined. Rows that the answer leaves out get tried again. */
export function readResults(result: Extract<HttpResult, { type: "answered" }>, rows: readonly DestinationRow[]): RowOutcome[] | undefined {
  if (!result.body.includes('"results"')) return undefined;
  const parsed = answer.safeParse(jsonOf(result.body));
  if (!parsed.success) return undefined;
  const { results } = parsed.data;
  const byKey = results.every((one) => one.key !== undefined) ? new Map(results.map((one) => [one.key, one])) : undefined;
  return rows.map((row, index): RowOutcome => {
    const one = byKey === undefined ? results[index] : byKey.get(row.key);
    const { requestId } = result;
    if (one === undefined) return { outcome: "retry", reason: "the receiver's answer leaves this row out", requestId };
    const { status } = one;
    if (status < 300) return { outcome: "delivered", status, requestId };
    const reason = one.error ?? `the receiver answered ${status} for this row`;
    if (isRetryable(status)) {
      return {
        outcome: "retry",
        reason,
        status,
        requestId,
        retryAfterMs: one.retry_after === undefined ? result.retryAfterMs : one.retry_after * 1000,
      };
    }
    return { outcome: "failed", reason, status, requestId };
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
