import type { Status } from "../observe/status.js";
import type { Terminal } from "./terminal.js";
import { textTable } from "./text-table.js";

/** Where the engine is, if it runs. */
export interface Around {
  readonly url: string | undefined;
  /** Who turns the cycle, where several programs may: one sentence. */
  readonly conductor: string | undefined;
}

/** `cambium status` in words: health, hops with lag, the ledger's equations, problems with the next step. */
export function statusText(status: Status, { colors, columns, outIsTerminal }: Terminal, { url, conductor }: Around): string {
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
  const nodes = status.nodes.map((each) => [
    each.node,
    count(each.accepted),
    each.lastLoadedAt === null ? "never" : `${age((Date.parse(status.at) - Date.parse(each.lastLoadedAt)) / 1_000)} ago`,
    `${count(each.arrivedSegments)} arrived, ${count(each.spooledSegments)} in its spool`,
  ]);
  const entities = status.entities.map((each) => `${count(each.count)} ${each.count === 1 ? each.kind : each.plural}`).join(" · ");
  const problems = status.problems.map((problem) => `${yellow("!")} ${problem.hop}: ${problem.message}\n  ${problem.next}`);
  return [
    `${bold(status.title)}  ${paint[status.health.state](status.health.sentence)}${url === undefined ? dim("  (not running)") : dim(`  ${url}`)}`,
    entities,
    ...(conductor === undefined ? [] : [conductor]),
    ...(url === undefined && conductor === undefined
      ? [dim("The engine does not run: what is sent now waits until `cambium up` or `cambium run`.")]
      : []),
    "",
    textTable(["hop", "health", "lag", ""], hops, width),
    "",
    textTable(["ledger", "", ""], equations, width),
    ...(nodes.length === 0 ? [] : ["", textTable(["collector", "accepted", "last load", "segments that wait"], nodes, width)]),
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
