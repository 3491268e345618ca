import { type Api, type ApiAnswer, type ApiRequest, bearerOf, boundedMap, jsonOf, listOf, pathOf, textOf } from "./api.js";

/** Google Sheets' values API: read a column, write ranges, append rows. */
export function googleSheetsApi(): Api {
  const sheets = boundedMap<unknown[][]>();
  const sheetOf = (id: string, name: string) => {
    const key = `${id}/${name}`;
    const known = sheets.get(key) ?? [];
    sheets.set(key, known);
    return known;
  };

  function answer(request: ApiRequest): ApiAnswer {
    const url = pathOf(request);
    if (url.pathname.endsWith("/token")) return { status: 200, body: { access_token: "renewed-token", expires_in: 3600 } };
    if (bearerOf(request) === undefined)
      return {
        status: 401,
        body: { error: { code: 401, status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials." } },
      };
    const [, id = "", rest = ""] = /\/v4\/spreadsheets\/([^/]+)\/values(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const body = jsonOf(request.text);
    if (rest === ":batchUpdate") {
      for (const { range, values } of listOf(body["data"])) write(id, textOf(range), values as unknown[][]);
      return { status: 200, body: { spreadsheetId: id } };
    }
    const [, name = "Sheet1", ,] = /^\/([^!]+)!(.*)$/.exec(rest) ?? [];
    const sheet = sheetOf(id, name);
    if (request.method === "GET")
      return { status: 200, body: { range: rest.slice(1), values: sheet.slice(1).map((row) => [row?.[0] ?? ""]) } };
    const rows = (body["values"] ?? []) as unknown[][];
    if (sheet.length === 0) sheet.push([]); // the header's row
    sheet.push(...rows);
    return { status: 200, body: { spreadsheetId: id, updates: { updatedRows: rows.length } } };
  }

  function write(id: string, range: string, values: readonly unknown[][]): void {
    const [, name = "Sheet1", row = "1"] = /^([^!]+)![A-Z]+(\d+)/.exec(range) ?? [];
    const sheet = sheetOf(id, name);
    for (const [offset, line] of values.entries()) sheet[Number(row) - 1 + offset] = [...line];
  }

  return {
    hosts: ["sheets.googleapis.com", "www.googleapis.com", "oauth2.googleapis.com"],
    answer,
    records: () => Object.fromEntries([...sheets].map(([name, rows]) => [name, rows.map((row) => ({ row }))])),
  };
}
