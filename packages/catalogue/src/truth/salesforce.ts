import { setTimeout as wait } from "node:timers/promises";
import { type Exchange, jsonOf, objectOf } from "../child/exchange.js";
import { short } from "../child/outcomes.js";
import { fetchModule } from "../child/segment.js";
import type { RowOutcome } from "../engine.js";
import { parseCsv } from "./csv.js";
import { type Batch, sentPlaces, type Truth } from "./truth.js";

/**
 * A bulk job is accepted long before its rows are. The action ends when the upload is complete and reports 201 for every
 * row; here the job is followed to its end, and its failed and unprocessed rows are told to the rows they came from.
 */

/** Pauses between looks at a job: together 61 s, half of a call's deadline. */
const pausesMs = [100, 200, 400, 800, 1_500, 3_000, 5_000, 10_000, 20_000, 20_000];

export const salesforceTruth: Truth = async (batch) => {
  const created = batch.exchanges.find((exchange) => exchange.method === "POST" && exchange.url.endsWith("/jobs/ingest"));
  const upload = batch.exchanges.find((exchange) => exchange.method === "PUT" && exchange.url.endsWith("/batches"));
  const id = objectOf(jsonOf(created?.responseBody))["id"];
  if (created === undefined || upload?.body === undefined || typeof id !== "string") return [...batch.outcomes];
  const job = `${created.url}/${id}`;
  const state = await followed(job, created, batch);
  if (state.name !== "JobComplete") return inEvery(batch, unfinished(state));
  const failed = reasonsByLine(await read(`${job}/failedResults/`, created), 2, "sf__Error");
  const unprocessed = reasonsByLine(await read(`${job}/unprocessedrecords/`, created), 0, undefined);
  const lines = parseCsv(upload.body).slice(1);
  const outcomes: RowOutcome[] = [...batch.outcomes];
  for (const [index, place] of sentPlaces(batch).entries()) {
    const line = JSON.stringify(lines[index] ?? []);
    const reason = failed.get(line);
    if (reason !== undefined) outcomes[place] = refused(reason);
    else if (unprocessed.has(line)) outcomes[place] = { outcome: "retry", reason: "Salesforce did not process this row of the job" };
  }
  return outcomes;
};

interface JobState {
  readonly name: string;
  readonly message: string;
}

async function followed(job: string, created: Exchange, batch: Batch): Promise<JobState> {
  let state: JobState = { name: "UploadComplete", message: "" };
  for (const pause of pausesMs) {
    await wait(pause, undefined, batch.scope.signal === undefined ? {} : { signal: batch.scope.signal });
    const answer = objectOf(jsonOf(await read(job, created)));
    state = { name: String(answer["state"] ?? state.name), message: String(answer["errorMessage"] ?? "") };
    if (["JobComplete", "Failed", "Aborted"].includes(state.name)) return state;
  }
  return state;
}

function unfinished(state: JobState): RowOutcome {
  if (state.name === "Failed" && state.message.startsWith("InvalidBatch")) return { outcome: "failed", reason: short(state.message) };
  const told = state.message === "" ? "" : `: ${state.message}`;
  return { outcome: "retry", reason: short(`the Salesforce job is ${state.name}${told}`) };
}

function refused(reason: string): RowOutcome {
  const passing = /UNABLE_TO_LOCK_ROW|SERVER_UNAVAILABLE|REQUEST_LIMIT_EXCEEDED|QUERY_TIMEOUT/.test(reason);
  return { outcome: passing ? "retry" : "failed", reason: short(reason) };
}

const inEvery = (batch: Batch, outcome: RowOutcome): RowOutcome[] => {
  const sent = new Set(sentPlaces(batch));
  return batch.outcomes.map((said, place) => (sent.has(place) ? outcome : said));
};

/** Through the guarded fetch, with the credentials that created the job. */
async function read(url: string, created: Exchange): Promise<string> {
  const authorization = created.headers["authorization"] ?? "";
  const answer = await fetchModule.default(url, { method: "GET", headers: { authorization, accept: "*/*" } });
  if (answer.status >= 300) throw new Error(`Salesforce answered ${answer.status} when asked for the results of the job`);
  return (await answer.buffer()).toString("utf8");
}

/** The results repeat the uploaded columns after columns of their own. */
function reasonsByLine(text: string, ownColumns: number, errorColumn: string | undefined): Map<string, string> {
  const [header = [], ...lines] = parseCsv(text);
  const at = errorColumn === undefined ? -1 : header.indexOf(errorColumn);
  return new Map(lines.map((line) => [JSON.stringify(line.slice(ownColumns)), line[at] ?? ""]));
}
