import {
  type Api,
  type ApiAnswer,
  type ApiRequest,
  bearerOf,
  boundedMap,
  type Json,
  jsonOf,
  listOf,
  objectOf,
  pathOf,
  textOf,
} from "./api.js";

/** Braze's `users/track`: items that it cannot use are listed in `errors` with their index, the rest is taken (201). */
export function brazeApi(): Api {
  const users = boundedMap<Json>();
  const events = boundedMap<Json>();

  function answer(request: ApiRequest): ApiAnswer {
    if (bearerOf(request) === undefined) return { status: 401, body: { message: "Invalid API Key" } };
    const body = jsonOf(request.text);
    if (!pathOf(request).pathname.endsWith("/users/track")) return { status: 201, body: { message: "success" } };
    const kinds = ["attributes", "events", "purchases"] as const;
    if (kinds.some((kind) => listOf(body[kind]).length > 75)) return { status: 400, body: { message: "Up to 75 objects are allowed" } };
    const errors: Json[] = [];
    for (const kind of kinds) {
      for (const [index, item] of listOf(body[kind]).entries()) {
        const alias = objectOf(item["user_alias"]);
        const id = textOf(item["external_id"] ?? item["braze_id"] ?? alias["alias_name"] ?? item["email"]);
        if (id === "") errors.push({ type: "'external_id', 'braze_id', 'user_alias' or 'email' is required", input_array: kind, index });
        else if (kind === "attributes") users.set(id, { ...users.get(id), ...item });
        else events.set(`${id} ${events.size}`, { kind, ...item });
      }
    }
    const counts = { attributes_processed: listOf(body["attributes"]).length, events_processed: listOf(body["events"]).length };
    return { status: 201, body: errors.length === 0 ? { message: "success", ...counts } : { message: "success", ...counts, errors } };
  }

  return { hosts: [".braze.com", ".braze.eu"], answer, records: () => ({ users: [...users.values()], events: [...events.values()] }) };
}
