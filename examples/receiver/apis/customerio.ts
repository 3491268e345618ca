import { type Api, type ApiAnswer, type ApiRequest, boundedMap, type Json, jsonOf, listOf, objectOf, pathOf, textOf } from "./api.js";

/** Customer.io's Track API v2. A batch with bad items is answered 207 with `errors[].batch_index`, as there. */
export function customerioApi(): Api {
  const people = boundedMap<Json>();
  const events = boundedMap<Json>();

  function take(item: Json): string | undefined {
    const identifiers = objectOf(item["identifiers"]);
    const id = textOf(
      identifiers["id"] ?? identifiers["email"] ?? identifiers["cio_id"] ?? identifiers["anonymous_id"] ?? identifiers["object_id"],
    );
    if (id === "") return "identifiers must have an id, email or cio_id";
    if (item["action"] === "event") {
      if (textOf(item["name"]) === "") return "name is required";
      events.set(textOf(item["id"]) || `${id}-${events.size}`, { ...item, person: id });
    } else if (item["action"] === "delete") people.delete(id);
    else people.set(id, { id, attributes: { ...objectOf(people.get(id)?.["attributes"]), ...objectOf(item["attributes"]) } });
    return undefined;
  }

  function answer(request: ApiRequest): ApiAnswer {
    if (!/^Basic .+/.test(String(request.headers["authorization"] ?? "")))
      return { status: 401, body: { meta: { error: "unauthorized" } } };
    const { pathname } = pathOf(request);
    if (request.method === "GET") return { status: 200, body: { meta: {} } };
    const body = jsonOf(request.text);
    if (pathname.endsWith("/batch")) {
      const errors = listOf(body["batch"]).flatMap((item, index) => {
        const message = take(item);
        return message === undefined ? [] : [{ batch_index: index, reason: "invalid", field: "identifiers", message }];
      });
      return errors.length === 0 ? { status: 200, body: {} } : { status: 207, body: { errors } };
    }
    const message = take(body);
    return message === undefined ? { status: 200, body: {} } : { status: 400, body: { errors: [{ reason: "invalid", message }] } };
  }

  return {
    hosts: ["track.customer.io", "track-eu.customer.io"],
    answer,
    records: () => ({ people: [...people.values()], events: [...events.values()] }),
  };
}
