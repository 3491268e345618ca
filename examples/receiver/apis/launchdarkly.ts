import { type Api, type ApiAnswer, type ApiRequest, boundedMap, type Json, jsonOf, listOf, textOf } from "./api.js";

/** LaunchDarkly's synced segments: who is in which cohort. */
export function launchdarklyApi(): Api {
  const members = boundedMap<Json>();

  function answer(request: ApiRequest): ApiAnswer {
    if (request.method === "HEAD") return { status: 200 };
    if (textOf(request.headers["authorization"]) === "")
      return { status: 401, body: { code: "unauthorized", message: "Invalid account credentials" } };
    if (request.method === "GET") return { status: 200, body: { validVersions: [20240415] } };
    const body = jsonOf(request.text);
    if (textOf(body["environmentId"]) === "")
      return { status: 400, body: { code: "invalid_request", message: "environmentId is required" } };
    for (const item of listOf(body["batch"])) {
      const key = `${textOf(item["cohortId"])} ${textOf(item["userId"])}`;
      if (item["value"] === true) members.set(key, { cohort: item["cohortId"], name: item["cohortName"], user: item["userId"] });
      else members.delete(key);
    }
    return { status: 200, body: {} };
  }

  return { hosts: ["app.launchdarkly.com", "clientsdk.launchdarkly.com"], answer, records: () => ({ members: [...members.values()] }) };
}
