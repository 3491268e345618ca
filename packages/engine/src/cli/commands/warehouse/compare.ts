import type { Command } from "commander";
import { loadProject } from "../../../project/load-project.js";
import type { RowPair, RowsComparison } from "../../../run/compare-rows.js";
import { type WarehousesComparison, compareWarehouses } from "../../../run/compare-warehouses.js";
import { warehouseNames } from "../../../warehouse/open-warehouse.js";
import { type CliContext, globalOptions } from "../../context.js";
import { examples } from "../../examples.js";
import { exitCodes } from "../../exit-codes.js";
import { findProject } from "../../find-project.js";
import { otherSettings, withLocalWarehouse, withWarehouse } from "../../open-local.js";
import { cellText } from "../../text-table.js";

export function register(group: Command, context: CliContext): void {
  group
    .command("compare")
    .description("compare with another warehouse, row by row: events, profiles, traits, scores, audiences, deliveries, ledger")
    .argument("<other>", warehouseNames)
    .addHelpText(
      "after",
      examples([
        ["cambium warehouse compare http://127.0.0.1:8123", "this project's warehouse with the one on a local server"],
        [
          "cambium warehouse compare https://ch.example.com:8443/shop_ --json",
          "with another server, for a script; exit code 4 when they differ",
        ],
      ]),
    )
    .action(async (other: string, _own: unknown, command: Command) => {
      const options = globalOptions(command);
      const project = await loadProject(findProject(context, options));
      const settings = otherSettings(project, context, other);
      const outcome = await withLocalWarehouse(project, context.env, (here) =>
        withWarehouse(settings, (there) =>
          compareWarehouses(here, there, project, (what) => context.terminal.err(context.terminal.colors.dim(`Comparing ${what} …\n`))),
        ),
      );
      if (options.json === true) context.terminal.out(`${JSON.stringify(outcome, undefined, 2)}\n`);
      else context.terminal.out(`${comparisonText(outcome, context.terminal)}\n`);
      if (!outcome.equal) context.exitWith(exitCodes.checkFailed);
    });
}

const count = (value: number) => value.toLocaleString("en");

function comparisonText({ equal, here, there, comparisons, seconds }: WarehousesComparison, { colors }: CliContext["terminal"]): string {
  const { green, red, yellow, bold, dim } = colors;
  const lines = comparisons.flatMap((each) => [
    `${each.equal ? green("✓") : red("✗")} ${sentenceOf(each)}`,
    ...detailsOf(each).map((detail) => dim(`    ${detail}`)),
  ]);
  const uneven = comparisons.filter((each) => !each.equal).length;
  const verdict = equal
    ? green(bold("The warehouses are equal."))
    : red(bold(`The warehouses differ in ${uneven} of ${comparisons.length} tables.`));
  return [...lines, ...notesOf(here, there).map((note) => `${yellow("!")} ${note}`), `${verdict} ${dim(`${seconds.toFixed(1)} s`)}`].join(
    "\n",
  );
}

function sentenceOf({ what, equal, here, there, different, onlyHere, onlyThere }: RowsComparison): string {
  if (equal)
    return `${what}: ${here === 0 ? "no rows on either side" : `${count(here)} ${here === 1 ? "row" : "rows"}, the same on both sides`}`;
  const parts = [
    [different, "different"],
    [onlyHere, "only here"],
    [onlyThere, "only there"],
  ] as const;
  const uneven = parts.flatMap(([rows, where]) => (rows > 0 ? [`${count(rows)} ${where}`] : []));
  return `${what}: ${[`${count(here)} here, ${count(there)} there`, ...uneven].join(", ")}`;
}

function detailsOf({ columns, lacking, examples: pairs }: RowsComparison): string[] {
  const differing = Object.entries(columns)
    .sort(([, a], [, b]) => b - a)
    .map(([column, rows]) => `${column} (${count(rows)})`);
  return [
    ...(lacking.here.length > 0 ? [`has no ${lacking.here.join(", ")} here`] : []),
    ...(lacking.there.length > 0 ? [`has no ${lacking.there.join(", ")} there`] : []),
    ...(differing.length > 0 ? [`differs in ${differing.join(", ")}`] : []),
    ...pairs.map(pairText),
  ];
}

function pairText({ key, name, here, there }: RowPair): string {
  const keys = Object.values(key).map(cellText).join(" ");
  const row = name === null ? keys : `${name} (${keys})`;
  if (here === null || there === null) return `only ${here === null ? "there" : "here"}: ${row}`;
  return `${row}: ${Object.keys(here)
    .map((column) => `${column} ${cellText(here[column] ?? null)} here, ${cellText(there[column] ?? null)} there`)
    .join("; ")}`;
}

function notesOf(here: WarehousesComparison["here"], there: WarehousesComparison["there"]): string[] {
  const sides = [
    ["This", here],
    ["The other", there],
  ] as const;
  return [
    ...sides.flatMap(([which, { now }]) => (now === null ? [`${which} warehouse has not computed anything yet.`] : [])),
    ...sides.flatMap(([which, { now, current }]) =>
      now !== null && !current ? [`${which} warehouse was computed with other definitions than the project's.`] : [],
    ),
    ...(here.now !== null && there.now !== null && here.now !== there.now
      ? [`Computed as of ${here.now} here and ${there.now} there: windows of time differ for that reason alone.`]
      : []),
  ];
}
