import type { Json } from "../../../engine/src/server/contract.js";
import { spaced } from "./conditions.js";

/** A trait's definition in one line: `count of “Deployed” within 7 days`. */
export function traitWords(type: string, definition: Json): string {
  if (definition === null || typeof definition !== "object" || Array.isArray(definition)) return spaced(type);
  const said = (field: string): string => {
    const value = definition[field];
    return typeof value === "string" || typeof value === "number" ? String(value) : Array.isArray(value) ? value.join(" or ") : "";
  };
  if (type === "formula") return said("formula");
  if (type === "sql") return "from SQL";
  if (type === "profile") return `as last said by identify or group calls${said("path") === "" ? "" : ` (${said("path")})`}`;
  if (type === "rollup") return `${said("roll")} of ${spaced(said("trait") || said("from"))} over its ${said("from")}s`;
  const event = eventsOf(definition["event"]);
  const property = said("property") === "" ? "" : `${said("property")} of `;
  const within = said("within") === "" ? "" : ` within ${said("within")}`;
  return `${spaced(type)} of ${property}${event}${within}`;
}

const namesMax = 3;

function eventsOf(event: Json | undefined): string {
  if (event === undefined || event === "*") return "any event";
  if (!Array.isArray(event)) return `“${String(event)}”`;
  const names = event.slice(0, namesMax).map((name) => `“${String(name)}”`);
  return event.length > namesMax ? `${names.join(", ")} or ${event.length - namesMax} more events` : names.join(" or ");
}
