import { latin1, utf8 } from "./bytes.js";
import { type Fields, isFields } from "./event-problem.js";
import { keyStart, valueSpan } from "./json-text.js";
import { fromPosthog, isPosthog } from "./posthog.js";

/**
 * Events that cannot be stored as they were sent, because part of what they mean stands elsewhere in the request: the
 * batch's `context` and `integrations`, PostHog's shape, `context.direct`, a page's `category`.
 */

/** What a batch says for all its events. */
export interface BatchDefaults {
  readonly context?: Fields;
  readonly integrations?: Fields;
}

/** From the object around `batch`; its values are read again as UTF-8. */
export function batchDefaults(text: string, outer: Fields): BatchDefaults | undefined {
  const read = (key: "context" | "integrations"): Partial<Record<typeof key, Fields>> => {
    if (!isFields(outer[key])) return {};
    const span = valueSpan(text, keyStart(text, key) ?? 0);
    return { [key]: JSON.parse(utf8(text.slice(span.start, span.end))) as Fields };
  };
  const defaults = { ...read("context"), ...read("integrations") };
  return Object.keys(defaults).length === 0 ? undefined : defaults;
}

export function wantsRewrite(event: Fields, type: string | undefined, defaults: BatchDefaults | undefined): boolean {
  if (defaults !== undefined) return true;
  if (type === undefined && isPosthog(event)) return true;
  const context = event["context"];
  if (isFields(context) && context["direct"] === true) return true;
  return (type === "page" || type === "screen") && typeof event["category"] === "string";
}

/** The event with all that merged in, as bytes in Latin-1 text. `raw` is valid JSON of an object. */
export function rewritten(raw: string, type: string | undefined, defaults: BatchDefaults | undefined, ip: string | undefined): string {
  const parsed = JSON.parse(utf8(raw)) as Fields;
  const event = type === undefined && isPosthog(parsed) ? fromPosthog(parsed) : parsed;
  const merged: Fields = { ...event };
  mergeInto(merged, "context", defaults?.context);
  mergeInto(merged, "integrations", defaults?.integrations);
  const context = merged["context"];
  if (isFields(context) && context["direct"] === true && ip !== undefined) merged["context"] = { ip, ...context };
  const properties = merged["properties"] ?? {};
  if ((type === "page" || type === "screen") && typeof merged["category"] === "string" && isFields(properties)) {
    merged["properties"] = { category: merged["category"], ...properties };
  }
  return latin1(JSON.stringify(merged));
}

/** What the event says wins over what the batch says. */
function mergeInto(event: Fields, key: "context" | "integrations", around: Fields | undefined): void {
  const own = event[key] ?? {};
  if (around !== undefined && isFields(own)) event[key] = { ...around, ...own };
}
