import { type Api, type ApiAnswer, type ApiRequest, bearerOf, boundedMap, type Json, jsonOf, pathOf, textOf } from "./api.js";

/**
 * Salesforce: records, SOQL look-ups by equality, and Bulk API 2.0 jobs, which take a moment to complete. A lead
 * without `LastName` is refused, and so is one whose company is `LOCKED` (as a row that another transaction holds).
 */
export function salesforceApi(): Api {
  const objects = new Map<string, Map<string, Json>>();
  const jobs = boundedMap<{ readonly job: Json; readonly csv: string; readonly asked: number; readonly failed: readonly string[] }>();
  let lastId = 0;
  const of = (type: string) => {
    const known = objects.get(type) ?? boundedMap<Json>();
    objects.set(type, known);
    return known;
  };
  const newId = (prefix: string) => `${prefix}${String((lastId += 1)).padStart(15, "0")}`;
  const problem = (record: Json, type: string) => {
    if (type === "Lead" && textOf(record["LastName"]) === "")
      return "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --";
    return record["Company"] === "LOCKED" ? "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--" : undefined;
  };

  function query(soql: string): ApiAnswer {
    const [, type = "", where = ""] = /FROM (\w+) WHERE (.*)$/s.exec(soql) ?? [];
    const all = where.includes(" AND ");
    const conditions = where.split(/ (?:AND|OR) /).map((condition) => {
      const [, field = "", value = ""] = /^(\w+) = '?(.*?)'?$/s.exec(condition) ?? [];
      return (record: Json) => textOf(record[field]) === value.replaceAll("\\'", "'");
    });
    const records = [...of(type).values()].filter((record) =>
      all ? conditions.every((test) => test(record)) : conditions.some((test) => test(record)),
    );
    return { status: 200, body: { totalSize: records.length, done: true, records: records.map((record) => ({ Id: record["Id"] })) } };
  }

  function runJob(job: Json, csv: string): string[] {
    const [header = [], ...lines] = parseCsv(csv);
    const type = textOf(job["object"]);
    const idField = textOf(job["externalIdFieldName"]) || "Id";
    const failed: string[] = [];
    for (const line of lines) {
      const record = Object.fromEntries(header.map((name, index) => [name, line[index] === "#N/A" ? null : line[index]]));
      const refused = problem(record, type);
      if (refused !== undefined) {
        failed.push(["", refused, ...line].map(quoted).join(","));
        continue;
      }
      const known = [...of(type).values()].find(
        (candidate) => candidate[idField] !== undefined && textOf(candidate[idField]) === textOf(record[idField]),
      );
      const id = textOf(known?.["Id"]) || newId("00Q");
      of(type).set(id, { ...known, ...record, Id: id });
    }
    return failed.length === 0 ? [] : [["sf__Id", "sf__Error", ...header].map(quoted).join(","), ...failed];
  }

  function jobAnswer(request: ApiRequest, id: string, what: string): ApiAnswer {
    const held = jobs.get(id);
    if (held === undefined) return problemAnswer(404, "NOT_FOUND", "The requested resource does not exist");
    if (request.method === "PUT") {
      jobs.set(id, { ...held, csv: request.text });
      return { status: 201 };
    }
    if (request.method === "PATCH") {
      jobs.set(id, { ...held, job: { ...held.job, state: "UploadComplete" }, failed: runJob(held.job, held.csv) });
      return { status: 200, body: { ...held.job, state: "UploadComplete" } };
    }
    if (what === "failedResults") return { status: 200, headers: { "content-type": "text/csv" }, body: `${held.failed.join("\n")}\n` };
    if (what === "unprocessedrecords") return { status: 200, headers: { "content-type": "text/csv" }, body: "\n" };
    jobs.set(id, { ...held, asked: held.asked + 1 });
    const state = held.asked === 0 ? "InProgress" : "JobComplete";
    return { status: 200, body: { ...held.job, state, numberRecordsFailed: Math.max(0, held.failed.length - 1) } };
  }

  function answer(request: ApiRequest): ApiAnswer {
    const url = pathOf(request);
    if (url.pathname.endsWith("/oauth2/token")) return { status: 200, body: { access_token: "simulated", token_type: "Bearer" } };
    if (bearerOf(request) === undefined) return problemAnswer(401, "INVALID_SESSION_ID", "Session expired or invalid");
    const [, what = "", rest = ""] = /\/services\/data\/v[\d.]+\/(query|sobjects|jobs\/ingest)\/?(.*)$/.exec(url.pathname) ?? [];
    if (what === "query") return query(url.searchParams.get("q") ?? "");
    if (what === "jobs/ingest") {
      const [id = "", part = ""] = rest.split("/");
      if (id !== "") return jobAnswer(request, id, part);
      const job = { ...jsonOf(request.text), id: newId("750"), state: "Open" };
      jobs.set(job.id, { job, csv: "", asked: 0, failed: [] });
      return { status: 200, body: job };
    }
    const [type = "Lead", id = ""] = rest.split("/");
    if (request.method === "DELETE")
      return of(type).delete(id) ? { status: 204 } : problemAnswer(404, "NOT_FOUND", "Provided external ID field does not exist");
    const values = jsonOf(request.text);
    const record = { ...of(type).get(id), ...values };
    const refused = problem(record, type);
    if (refused !== undefined) return problemAnswer(400, refused.split(":")[0] ?? "", refused);
    const recordId = id === "" ? newId("00Q") : id;
    of(type).set(recordId, { ...record, Id: recordId });
    return id === "" ? { status: 201, body: { id: recordId, success: true, errors: [] } } : { status: 204 };
  }

  return {
    hosts: [".my.salesforce.com", ".salesforce.com"],
    answer,
    records: () => Object.fromEntries([...objects].map(([type, records]) => [type, [...records.values()]])),
  };
}

const problemAnswer = (status: number, errorCode: string, message: string): ApiAnswer => ({ status, body: [{ errorCode, message }] });
const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;

function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, separator = "", quotedValue, plain = ""] of text.trimEnd().matchAll(/(^|,|\r?\n)(?:"((?:[^"]|"")*)"|([^,\r\n]*))/g)) {
    if (separator.endsWith("\n")) rows.push([]);
    rows.at(-1)?.push(quotedValue === undefined ? plain : quotedValue.replaceAll('""', '"'));
  }
  return rows;
}
