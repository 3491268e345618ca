import type { Explanation } from "../base/explanation.js";
import type { Terminal } from "./terminal.js";

/** An explanation as an indented tree: value, how it came about, when, and the newest events under it. */
export function explanationText(node: Explanation, { colors }: Pick<Terminal, "colors">, depth: number = 0): string {
  const pad = "  ".repeat(depth);
  const mark = node.holds === undefined ? "" : node.holds ? `${colors.green("✓")} ` : `${colors.red("✗")} `;
  const version = node.version === undefined ? "" : colors.dim(` v${node.version}`);
  const at = node.at === undefined ? "" : colors.dim(`  ${node.at.slice(0, 19)}Z`);
  const head = `${pad}${mark}${colors.bold(node.title)}${says(node) ? ` = ${valueText(node.value)}` : ""}${version}${at}`;
  const more = [node.formula, node.detail]
    .filter((line) => line !== undefined && line !== "")
    .map((line) => colors.dim(`${pad}    ${line}`));
  const events = (node.events ?? []).map((event) =>
    colors.dim(
      `${pad}    · ${event.timestamp.slice(0, 19)}Z  ${event.event ?? event.type}${event.detail === null ? "" : `  ${event.detail}`}  (${event.messageId})`,
    ),
  );
  const hidden = (node.eventsTotal ?? 0) - events.length;
  const rest =
    node.eventsTotal === undefined || hidden <= 0
      ? []
      : [colors.dim(`${pad}    · and ${hidden} earlier ${hidden === 1 ? "event" : "events"}`)];
  const children = node.children.filter((child) => child.kind !== "measure").map((child) => explanationText(child, { colors }, depth + 1));
  return [head, ...more, ...events, ...rest, ...children].join("\n");
}

/** Of a member that is only counted there is no value to show; the mark before a condition has said its truth. */
function says({ kind, value, holds, detail }: Explanation): boolean {
  if (typeof value === "boolean" && holds !== undefined) return false;
  return value !== null || kind !== "entity" || detail !== undefined;
}

function valueText(value: Explanation["value"]): string {
  if (value === null) return "(none)";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 1 ? 4 : 1);
  return typeof value === "string" ? value : JSON.stringify(value);
}
