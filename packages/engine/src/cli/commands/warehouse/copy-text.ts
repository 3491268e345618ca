import { CambiumError } from "../../../base/errors.js";
import type { CopyPlan } from "../../../run/copy/plan-copy.js";
import type { CopyResult } from "../../../run/copy/copy-warehouse.js";
import type { Terminal } from "../../terminal.js";
import { textTable } from "../../text-table.js";

/** What `cambium warehouse copy` says on stdout to a person. */
export function planText(plan: CopyPlan, { colors: { red, dim }, columns }: Terminal): string {
  const rows = plan.tables.reduce((sum, table) => sum + table.rows, 0);
  return paragraphs([
    textTable(
      ["table", "rows"],
      plan.tables.map(({ table, rows: n }) => [table, n]),
      columns,
    ),
    "",
    `${count(rows)} rows would be copied. Models and Segment's views are built there anew.`,
    plan.leftOut.length > 0 && dim(`Left out: ${plan.leftOut.join(", ")}`),
    plan.resumes && "The target holds a part of this copy, which would go on.",
    plan.obstacle !== undefined && `${red("The target would be refused.")} ${plan.obstacle} With --replace all of that is dropped.`,
  ]);
}

/** `line` is what of cambium.yml names the target. */
export function resultText(result: CopyResult, line: string, { colors, columns }: Terminal): string {
  const { green, red, bold, dim } = colors;
  const rows = result.tables
    .filter((table) => table.rows > 0 || !table.equal)
    .map((table) => [table.table, table.rows, table.rowsThere, table.equal ? "equal" : "DIFFERS"]);
  const travelled = dim(`${count(result.rows)} rows, ${(result.bytes / 1e6).toFixed(1)} MB of files, ${result.seconds.toFixed(1)} s`);
  const different = result.tables.filter((table) => !table.equal).length;
  return paragraphs([
    textTable(["table", "rows", "rows there", "checksum"], rows, columns),
    "",
    ...result.models.map((model) => `${red("!")} ${model}`),
    ...result.syncs.map(({ sync, message }) => `${red("!")} sync ${sync}: ${message}`),
    ...(result.equal
      ? [`${green(bold("The copy is whole, and equal."))} ${travelled}`, "To go on there, put this into cambium.yml:", `  ${line}`]
      : [`${red(bold(`${different} of ${result.tables.length} tables differ.`))} ${travelled}`, new CambiumError("COPY_DIFFERS", "").next]),
  ]);
}

const count = (value: number) => value.toLocaleString("en");

function paragraphs(lines: readonly (string | false)[]): string {
  return lines
    .filter((line) => line !== false)
    .map((line) => `${line}\n`)
    .join("");
}
