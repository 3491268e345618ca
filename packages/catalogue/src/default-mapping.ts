import type { CatalogueAction } from "./entry.js";

/** Which of an action's published defaults make sense for mapped rows, and which only for Segment's own events. */

/** True when the value reads the event anywhere inside. */
export function readsEvent(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, inner]) => key.startsWith("@") || readsEvent(inner));
}

/** Every path that a default reads. */
export function pathsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "@path" && typeof inner === "string" ? [inner] : pathsOf(inner)));
}

const envelope = /^\$\.(context\.personas(\..*)?|messageId|timestamp|__segment_id)$/;
const membershipEnvelope = /^\$\.(context\.personas(\..*)?|messageId|timestamp|__segment_id|event|type|name|traits|properties)$/;

/**
 * What fills the fields that a sync's mapping leaves out: constants, and what reads only the parts of an event that we
 * make ourselves (id, moment, audience). A default that reads somebody's traits is an offer, never applied by itself.
 */
export function impliedMapping(action: CatalogueAction): Record<string, unknown> {
  const own = action.membership || usesAudience(action) ? membershipEnvelope : envelope;
  const fields = action.fields.filter((field) => field.default !== undefined && field.default !== "");
  const implied = fields.filter((field) => !readsEvent(field.default) || pathsOf(field.default).every((path) => own.test(path)));
  return Object.fromEntries(implied.map((field) => [field.name, field.default]));
}

/** Whether an action wants to know which audience a row belongs to. Asked for every row, so remembered. */
export function usesAudience(action: CatalogueAction): boolean {
  const known = audienceUsers.get(action);
  if (known !== undefined) return known;
  const uses =
    action.membership || action.fields.some((field) => pathsOf(field.default).some((path) => path.startsWith("$.context.personas.")));
  audienceUsers.set(action, uses);
  return uses;
}
const audienceUsers = new WeakMap<CatalogueAction, boolean>();
