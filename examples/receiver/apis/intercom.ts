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

/** Intercom's contacts: search, create, update. */
export function intercomApi(): Api {
  const contacts = boundedMap<Json>();
  let lastId = 0;

  function matches(contact: Json, query: Json): boolean {
    const operator = textOf(query["operator"]).toUpperCase();
    if (operator === "OR") return listOf(query["value"]).some((inner) => matches(contact, inner));
    if (operator === "AND") return listOf(query["value"]).every((inner) => matches(contact, inner));
    return textOf(contact[textOf(query["field"])]) === textOf(query["value"]);
  }

  function answer(request: ApiRequest): ApiAnswer {
    if (bearerOf(request) === undefined)
      return { status: 401, body: { type: "error.list", errors: [{ code: "unauthorized", message: "Access Token Invalid" }] } };
    const { pathname } = pathOf(request);
    const body = jsonOf(request.text);
    if (pathname === "/me") return { status: 200, body: { type: "admin", id: "1" } };
    if (pathname === "/contacts/search") {
      const data = [...contacts.values()].filter((contact) => matches(contact, objectOf(body["query"])));
      return { status: 200, body: { type: "list", total_count: data.length, data } };
    }
    if (request.method === "POST" && pathname === "/contacts") {
      const known = [...contacts.values()].find(
        (contact) => body["external_id"] !== undefined && contact["external_id"] === body["external_id"],
      );
      if (known !== undefined)
        return {
          status: 409,
          body: { type: "error.list", errors: [{ code: "conflict", message: "A contact matching those details already exists" }] },
        };
      lastId += 1;
      const contact = { type: "contact", id: `contact-${lastId}`, ...body };
      contacts.set(contact.id, contact);
      return { status: 200, body: contact };
    }
    const id = /^\/contacts\/([^/]+)$/.exec(pathname)?.[1] ?? "";
    const contact = contacts.get(id);
    if (contact === undefined)
      return { status: 404, body: { type: "error.list", errors: [{ code: "not_found", message: "User Not Found" }] } };
    const changed = { ...contact, ...body, id };
    contacts.set(id, changed);
    return { status: 200, body: changed };
  }

  return { hosts: ["api.intercom.io"], answer, records: () => ({ contacts: [...contacts.values()] }) };
}
