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

/**
 * HubSpot's CRM API, as far as contacts, companies and objects go. Partial success is 207 with `errors`, as there.
 * An e-mail address at `invalid.example` is refused by the API the way a malformed property value is.
 */
export function hubspotApi(): Api {
  const objects = new Map<string, Map<string, Json>>();
  const properties = new Map<string, Set<string>>();
  const of = (type: string) => {
    const known = objects.get(type) ?? boundedMap<Json>();
    objects.set(type, known);
    return known;
  };
  let lastId = 1000;
  const newId = () => String((lastId += 1));

  const propertiesOf = (record: Json) => objectOf(record["properties"]);
  const find = (type: string, id: string, idProperty: string | undefined) =>
    idProperty === undefined || idProperty === "hs_object_id"
      ? of(type).get(id)
      : [...of(type).values()].find((record) => textOf(propertiesOf(record)[idProperty]).toLowerCase() === id.toLowerCase());
  const create = (type: string, values: Json) => {
    const record = { id: newId(), properties: { ...values, hs_object_id: String(lastId) }, archived: false };
    of(type).set(record.id, record);
    return record;
  };
  const update = (type: string, record: Json, values: Json) => {
    const changed = { ...record, properties: { ...propertiesOf(record), ...values } };
    of(type).set(textOf(record["id"]), changed);
    return changed;
  };
  const refusal = (values: Json): string | undefined => {
    const email = textOf(values["email"]);
    return email.endsWith("@invalid.example") ? `Property values were not valid: ${email} is not a valid email address` : undefined;
  };

  function batch(type: string, operation: string, inputs: readonly Json[], idProperty: string | undefined): ApiAnswer {
    const results: Json[] = [];
    const errors: Json[] = [];
    for (const input of inputs) {
      const id = textOf(input["id"]);
      const values = propertiesOf(input);
      const record = operation === "create" ? undefined : find(type, id, (input["idProperty"] as string | undefined) ?? idProperty);
      const refused = refusal(values);
      if (refused !== undefined) errors.push({ status: "error", category: "VALIDATION_ERROR", message: refused, context: {} });
      else if (operation === "read" && record !== undefined) results.push(record);
      else if (operation === "create") results.push(create(type, values));
      else if (operation === "upsert") results.push(record === undefined ? create(type, values) : update(type, record, values));
      else if (operation === "update" && record !== undefined) results.push(update(type, record, values));
      else errors.push({ status: "error", category: "OBJECT_NOT_FOUND", message: "Could not get some objects", context: { ids: [id] } });
    }
    const notFound = errors.filter((error) => error["category"] === "OBJECT_NOT_FOUND");
    // HubSpot puts all that was not found into one error.
    const ids = notFound.flatMap((error) => objectOf(error["context"])["ids"] as string[]);
    const merged = [
      ...errors.filter((error) => error["category"] !== "OBJECT_NOT_FOUND"),
      ...(ids.length === 0 ? [] : [{ ...notFound[0], context: { ids } }]),
    ];
    if (merged.length === 0) return { status: operation === "create" ? 201 : 200, body: { status: "COMPLETE", results } };
    return { status: 207, body: { status: "COMPLETE", results, numErrors: merged.length, errors: merged } };
  }

  function answer(request: ApiRequest): ApiAnswer {
    if (bearerOf(request) === undefined) return error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.");
    const url = pathOf(request);
    const parts = url.pathname.split("/").filter((part) => part !== "");
    const body = jsonOf(request.text);
    if (parts[2] === "properties") return propertiesAnswer(request, parts, body);
    if (parts[0] !== "crm" || parts[2] !== "objects") return { status: 200, body: {} };
    const [, , , type = "contacts", id = "", operation = ""] = parts;
    if (id === "batch") {
      const inputs = listOf(body["inputs"]);
      if (inputs.length > 100)
        return error(400, "VALIDATION_ERROR", "The maximum number of inputs supported in a batch request for property histories is 100");
      return batch(type, operation, inputs, body["idProperty"] as string | undefined);
    }
    if (id === "search") return search(type, body);
    if (operation === "associations") return { status: 200, body: { id } };
    if (request.method === "GET" && id === "")
      return { status: 200, body: { results: [...of(type).values()].slice(0, Number(url.searchParams.get("limit") ?? 10)) } };
    const values = propertiesOf(body);
    const refused = refusal(values);
    if (refused !== undefined) return error(400, "VALIDATION_ERROR", refused);
    if (request.method === "POST") return { status: 201, body: create(type, values) };
    const record = find(type, decodeURIComponent(id), url.searchParams.get("idProperty") ?? undefined);
    if (record === undefined) return error(404, "OBJECT_NOT_FOUND", "resource not found");
    return request.method === "PATCH" ? { status: 200, body: update(type, record, values) } : { status: 200, body: record };
  }

  function search(type: string, body: Json): ApiAnswer {
    const filters = listOf(body["filterGroups"]).flatMap((group) => listOf(group["filters"]));
    const results = [...of(type).values()].filter((record) =>
      filters.some((filter) => textOf(propertiesOf(record)[textOf(filter["propertyName"])]) === textOf(filter["value"])),
    );
    return { status: 200, body: { total: results.length, results } };
  }

  /** Every property exists once it was asked for, as a portal whose admin prepared it. */
  function propertiesAnswer(request: ApiRequest, parts: readonly string[], body: Json): ApiAnswer {
    const known = properties.get(parts[3] ?? "") ?? new Set<string>();
    properties.set(parts[3] ?? "", known);
    if (request.method === "GET") {
      return {
        status: 200,
        body: { results: [...known].map((name) => ({ name, type: "string", fieldType: "text", hasUniqueValue: false })) },
      };
    }
    for (const input of parts[4] === "batch" ? listOf(body["inputs"]) : [body]) known.add(textOf(input["name"]));
    return { status: 201, body: { results: listOf(body["inputs"]) } };
  }

  return {
    hosts: ["api.hubapi.com"],
    answer,
    records: () => Object.fromEntries([...objects].map(([type, records]) => [type, [...records.values()]])),
  };
}

const error = (status: number, category: string, message: string): ApiAnswer => ({ status, body: { status: "error", category, message } });
