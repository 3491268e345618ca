import { jsonOf, listOf, objectOf } from "../child/exchange.js";
import { short } from "../child/outcomes.js";
import type { RowOutcome } from "../engine.js";
import { sentPlaces, type Truth } from "./truth.js";

/**
 * Customer.io answers 207 to a batch of which it took a part, and lists the rest by their index; the action reports 207,
 * a success, for all.
 */
export const customerioTruth: Truth = (batch) => {
  const answer = batch.exchanges.findLast((exchange) => exchange.status === 207);
  if (answer === undefined) return [...batch.outcomes];
  const errors = listOf(objectOf(jsonOf(answer.responseBody))["errors"]);
  const reasons = new Map(errors.map((error) => [Number(error["batch_index"]), String(error["message"] ?? error["reason"] ?? "refused")]));
  const outcomes: RowOutcome[] = [...batch.outcomes];
  for (const [index, place] of sentPlaces(batch).entries()) {
    const reason = reasons.get(index);
    if (reason !== undefined) outcomes[place] = { outcome: "failed", reason: short(reason), status: 207, requestId: answer.requestId };
  }
  return outcomes;
};
