import { jsonOf, listOf, objectOf } from "./exchange.js";

/**
 * What a dry run answers where the next request depends on it. Without an entry: an empty success, with which most
 * actions go on to their next request.
 */
export function dryAnswer(slug: string, method: string, url: URL, body: string | undefined): string {
  const known = answers[slug]?.(method, url, body);
  return JSON.stringify(
    known ?? { id: "dry-run", ok: true, success: true, status: "success", data: {}, results: [], errors: [], access_token: "dry-run" },
  );
}

type DryAnswer = (method: string, url: URL, body: string | undefined) => unknown;

const answers: Readonly<Record<string, DryAnswer>> = {
  // Nobody is known yet, so the requests that create them are built.
  hubspot: (_method, url, body) => {
    const inputs = listOf(objectOf(jsonOf(body))["inputs"]);
    if (url.pathname.endsWith("/batch/read")) {
      const ids = inputs.map((input) => input["id"]);
      return { results: [], numErrors: ids.length, errors: [{ status: "error", category: "OBJECT_NOT_FOUND", context: { ids } }] };
    }
    if (url.pathname.endsWith("/search")) return { total: 0, results: [] };
    const results = inputs.map((input, index) => ({
      id: String(input["id"] ?? `dry-run-${index}`),
      properties: objectOf(input["properties"]),
    }));
    return { id: "dry-run", properties: objectOf(objectOf(jsonOf(body))["properties"]), results };
  },
  intercom: (_method, url) => (url.pathname.endsWith("/contacts/search") ? { total_count: 0, data: [] } : { id: "dry-run" }),
  salesforce: (_method, url) =>
    url.pathname.includes("/query") ? { totalSize: 0, records: [] } : { id: "dry-run", state: "JobComplete", access_token: "dry-run" },
  "google-sheets": () => ({ values: [] }),
};
