import { type Exchange, jsonOf, type Json, listOf, objectOf } from "../child/exchange.js";
import { short } from "../child/outcomes.js";
import type { RowOutcome } from "../engine.js";
import { type Batch, sentPlaces, type SingleTruth, type Truth } from "./truth.js";

/**
 * HubSpot's batch endpoints answer 207 with `results` and `errors`; the actions report 200 for every row. A row counts
 * as delivered when a result of a write names it. Rows that no result names are matched with the errors: by the value
 * that an error's text or ids mention, or, when all errors are refusals of values, as refused.
 */

export const hubspotContactTruth: Truth = (batch) => {
  const emailsById = new Map<string, string[]>();
  for (const record of resultsOf(batch, "/batch/read")) {
    const properties = objectOf(record["properties"]);
    const others = String(properties["hs_additional_emails"] ?? "").split(";");
    emailsById.set(String(record["id"]), [String(properties["email"] ?? ""), ...others].map(lower));
  }
  const written = new Set(
    [...resultsOf(batch, "/batch/create"), ...resultsOf(batch, "/batch/update")].flatMap((record) => [
      lower(objectOf(record["properties"])["email"]),
      ...(emailsById.get(String(record["id"])) ?? []),
    ]),
  );
  const idsByEmail = new Map([...emailsById].flatMap(([id, emails]) => emails.map((email) => [email, id] as const)));
  return settled(batch, (row) => {
    const email = lower(row["email"]);
    const id = idsByEmail.get(email);
    return { isWritten: written.has(email), marks: id === undefined ? [email] : [email, id] };
  });
};

export const hubspotObjectTruth: Truth = (batch) => {
  const results = ["/batch/upsert", "/batch/create", "/batch/update"].flatMap((path) => resultsOf(batch, path));
  return settled(batch, (row) => {
    const details = objectOf(row["object_details"]);
    const [name, value] = [String(details["id_field_name"]), lower(details["id_field_value"])];
    const isRow = (record: Json) =>
      lower(objectOf(record["properties"])[name]) === value || (name === "hs_object_id" && lower(record["id"]) === value);
    return { isWritten: results.some(isRow), marks: [value] };
  });
};

/** The action ends quietly when it finds no company and may not create one. */
export const hubspotCompanyTruth: SingleTruth = (said, exchanges) => {
  const wrote = exchanges.some(
    (exchange) =>
      /\/objects\/companies(\/[^/]+)?$/.test(pathOf(exchange)) &&
      exchange.status !== undefined &&
      exchange.status < 300 &&
      !pathOf(exchange).endsWith("/search"),
  );
  if (said.outcome !== "delivered" || wrote) return said;
  return { outcome: "skipped", reason: "HubSpot has no company with this id, and createNewCompany is not true" };
};

function settled(batch: Batch, look: (fields: Json) => { isWritten: boolean; marks: readonly string[] }): RowOutcome[] {
  const writes = batch.exchanges.filter((exchange) => /\/batch\/(create|update|upsert)$/.test(pathOf(exchange)));
  const last = writes.at(-1) ?? batch.exchanges.at(-1);
  const errors = writes.flatMap((exchange) => listOf(objectOf(jsonOf(exchange.responseBody))["errors"]));
  const outcomes: RowOutcome[] = [...batch.outcomes];
  for (const place of sentPlaces(batch)) {
    const { isWritten, marks } = look(batch.rows[place]?.own.fields ?? {});
    if (!isWritten) outcomes[place] = unwritten(errors, marks, last);
  }
  return outcomes;
}

function unwritten(errors: readonly Json[], marks: readonly string[], last: Exchange | undefined): RowOutcome {
  const common = { status: last?.status, requestId: last?.requestId };
  const mentions = (error: Json) =>
    marks.some((mark) => mark !== "" && JSON.stringify(error).toLowerCase().includes(JSON.stringify(mark).slice(1, -1)));
  const own = errors.find(mentions) ?? (errors.length > 0 && errors.every(isRefusal) ? errors[0] : undefined);
  if (own === undefined) return { outcome: "retry", reason: "HubSpot's answer does not name this record", ...common };
  const reason = short(String(own["message"] ?? own["category"] ?? "refused by HubSpot"));
  return isRefusal(own) ? { outcome: "failed", reason, ...common } : { outcome: "retry", reason, ...common };
}

const isRefusal = (error: Json) => !/RATE_LIMIT|INTERNAL|TIMEOUT|CONFLICT|ALREADY_EXISTS|SERVICE/.test(String(error["category"]));

const resultsOf = (batch: Batch, path: string): readonly Json[] =>
  batch.exchanges
    .filter((exchange) => pathOf(exchange).endsWith(path) && exchange.status !== undefined && exchange.status < 300)
    .flatMap((exchange) => listOf(objectOf(jsonOf(exchange.responseBody))["results"]));

const pathOf = (exchange: Exchange) => new URL(exchange.url).pathname;
const lower = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value).toLowerCase().trim() : "");
