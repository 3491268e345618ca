import type { CollectorLimits } from "../limits.js";

/** Why an event that was accepted cannot be stored as one; it goes to quarantine with this. */
export interface Problem {
  readonly reason:
    | "not_an_object"
    | "unknown_type"
    | "no_identity"
    | "no_event_name"
    | "no_group_id"
    | "wrong_type"
    | "too_long"
    | "too_large"
    | "too_deep"
    | "nul_character"
    | "lone_surrogate";
  readonly detail: string;
}

export type Fields = Record<string, unknown>;

/**
 * The first thing wrong with an event, or undefined. Hand-written, each field by its name: this runs for every event, and
 * reading fields by a variable name costs as much as all else here.
 */
export function eventProblem(event: Fields, type: string | undefined, limits: CollectorLimits): Problem | undefined {
  return (
    idProblem("messageId", event["messageId"], limits) ??
    idProblem("userId", event["userId"], limits) ??
    idProblem("anonymousId", event["anonymousId"], limits) ??
    idProblem("groupId", event["groupId"], limits) ??
    idProblem("previousId", event["previousId"], limits) ??
    objectProblem("properties", event["properties"]) ??
    objectProblem("traits", event["traits"]) ??
    objectProblem("context", event["context"]) ??
    objectProblem("integrations", event["integrations"]) ??
    callProblem(event, type, limits)
  );
}

function idProblem(key: string, value: unknown, limits: CollectorLimits): Problem | undefined {
  if (value === undefined || value === null || typeof value === "number") return undefined;
  if (typeof value !== "string") return { reason: "wrong_type", detail: `${key} is ${kindOf(value)}, not text` };
  return value.length > limits.idLengthMax ? tooLong(key, value, limits) : undefined;
}

function objectProblem(key: string, value: unknown): Problem | undefined {
  if (value === undefined || value === null) return undefined;
  // Integrations may also be a list of names in old clients; it is kept as it is.
  if (typeof value === "object" && (!Array.isArray(value) || key === "integrations")) return undefined;
  return { reason: "wrong_type", detail: `${key} is ${kindOf(value)}, not an object` };
}

/** What each kind of call needs. */
function callProblem(event: Fields, type: string | undefined, limits: CollectorLimits): Problem | undefined {
  switch (type) {
    case "track":
      return nameProblem(event["event"], limits) ?? identityProblem(event);
    case "identify":
    case "page":
    case "screen":
      return identityProblem(event);
    case "group":
      if (!present(event["groupId"])) return { reason: "no_group_id", detail: "a group call needs groupId" };
      return identityProblem(event);
    case "alias":
      if (!present(event["previousId"])) return { reason: "no_identity", detail: "an alias call needs previousId" };
      return identityProblem(event);
    default:
      return { reason: "unknown_type", detail: `type is ${type === undefined ? "missing" : JSON.stringify(type).slice(0, 100)}` };
  }
}

function nameProblem(eventName: unknown, limits: CollectorLimits): Problem | undefined {
  if (eventName === undefined || eventName === null || eventName === "") {
    return { reason: "no_event_name", detail: "a track call needs event" };
  }
  if (typeof eventName !== "string") return { reason: "wrong_type", detail: `event is ${kindOf(eventName)}, not text` };
  return eventName.length > limits.idLengthMax ? tooLong("event", eventName, limits) : undefined;
}

function identityProblem(event: Fields): Problem | undefined {
  if (present(event["userId"]) || present(event["anonymousId"])) return undefined;
  if (hasEmail(event["traits"])) return undefined;
  const context = event["context"];
  if (isFields(context) && hasEmail(context["traits"])) return undefined;
  return { reason: "no_identity", detail: "neither userId nor anonymousId nor traits.email" };
}

function hasEmail(traits: unknown): boolean {
  return isFields(traits) && typeof traits["email"] === "string" && traits["email"] !== "";
}

function present(id: unknown): boolean {
  return id !== undefined && id !== null && id !== "";
}

function tooLong(key: string, value: string, limits: CollectorLimits): Problem {
  return { reason: "too_long", detail: `${key} has ${value.length} characters, at most ${limits.idLengthMax} are taken` };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
