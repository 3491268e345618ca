import type { Status } from "../observe/status.js";
import type { Terminal } from "./terminal.js";
import { textTable } from "./text-table.js";

/** `cambium status` in words: health, hops with lag, the ledger's equations, problems with the next step. */
export function statusText(status: Status, { colors, columns, outIsTerminal }: Terminal, url: string | undefined): string {
  const { green, yellow, red, bold, dim } = colors;
  const paint = { ok: green, warn: yellow, error: red };
  const width = outIsTerminal ? columns : 10_000;
  const hops = status.hops.map((hop) => [
    hop.name,
    hop.health.state,
    hop.lagSeconds === null ? "" : age(hop.lagSeconds),
    hop.health.sentence,
  ]);
  const equations = status.ledger.map((each) => [
    each.hop,
    each.balanced ? "adds up" : "DOES NOT ADD UP",
    `${each.total.name} ${count(each.total.value)} = ${each.terms.map((term) => `${term.name} ${count(term.value)}`).join(" + ")}`,
  ]);
  const entities = status.entities.map((each) => `${count(each.count)} ${each.count === 1 ? each.kind : each.plural}`).join(" · ");
  const problems = status.problems.map((problem) => `${yellow("!")} ${problem.hop}: ${problem.message}\n  ${problem.next}`);
  return [
    `${bold(status.title)}  ${paint[status.health.state](status.health.sentence)}${url === undefined ? dim("  (not running)") : dim(`  ${url}`)}`,
    entities,
    ...(url === undefined ? [dim("The engine does not run: what is sent now waits until `cambium up` or `cambium run`.")] : []),
    "",
    textTable(["hop", "health", "lag", ""], hops, width),
    "",
    textTable(["ledger", "", ""], equations, width),
    ...(problems.length === 0 ? [] : ["", ...problems]),
    "",
  ].join("\n");
}

const count = (value: number) => value.toLocaleString("en");

function age(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}
