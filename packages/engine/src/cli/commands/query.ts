import { type Command, InvalidArgumentError } from "commander";
import { loadProject } from "../../project/load-project.js";
import { type QueryAnswer, queryAnswer } from "../../server/contract.js";
import type { Warehouse } from "../../warehouse/warehouse.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { withLocalWarehouse } from "../open-local.js";
import { connectTo, serverInfo } from "../server-client.js";
import { textTable } from "../text-table.js";

const rowsDefault = 100;
const rowsLimit = 10_000;
/** Nobody else waits for the warehouse: who asks may wait for a while. */
const queryMillisMax = 3_600_000;

export function register(program: Command, context: CliContext): void {
  program
    .command("query")
    .description("run a SQL query over the project's warehouse and show the rows; it cannot change anything")
    .argument("<sql>", "one SELECT; tables are raw.*, growth.*, ops.*, models.* and segment.*")
    .option("-n, --rows <count>", `show at most this many rows (1–${rowsLimit})`, rowCount, rowsDefault)
    .addHelpText(
      "after",
      examples([
        ['cambium query "SELECT event, count(*) AS n FROM raw.events GROUP BY event ORDER BY n DESC"', "which events came in"],
        ['cambium query "SELECT * FROM growth.workspace_traits" --rows 10', "traits of ten workspaces"],
        ['cambium query "SELECT * FROM raw.quarantine" --json', "what could not be read, for a script"],
      ]),
    )
    .action(async (text: string, own: { rows: number }, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const info = await serverInfo(dir);
      const answer =
        info === undefined
          ? await withLocalWarehouse(await loadProject(dir), context.env, (_, warehouse) => queryLocally(warehouse, text, own.rows))
          : await connectTo(info).post(queryAnswer, "/api/query", { sql: text, rowsMax: own.rows });
      show(answer, options.json === true, context);
    });
}

async function queryLocally(warehouse: Warehouse, text: string, rowsMax: number): Promise<QueryAnswer> {
  const started = performance.now();
  const answer = await warehouse.query(text, { rowsMax, millisMax: queryMillisMax });
  return { ...answer, seconds: (performance.now() - started) / 1000 };
}

function show(answer: QueryAnswer, json: boolean, { terminal }: CliContext): void {
  if (json) {
    const rows = answer.rows.map((row) => Object.fromEntries(answer.columns.map((column, index) => [column.name, row[index] ?? null])));
    terminal.out(
      `${JSON.stringify({ columns: answer.columns, rows, truncated: answer.truncated, seconds: answer.seconds }, undefined, 2)}\n`,
    );
    return;
  }
  const names = answer.columns.map((column) => column.name);
  terminal.out(`${textTable(names, answer.rows, terminal.outIsTerminal ? terminal.columns : 10_000)}\n`);
  const count = `${answer.rows.length} ${answer.rows.length === 1 ? "row" : "rows"}`;
  const more = answer.truncated ? "; there are more: raise --rows or add a LIMIT" : "";
  terminal.err(terminal.colors.dim(`${count} in ${answer.seconds.toFixed(3)} s${more}\n`));
}

function rowCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > rowsLimit)
    throw new InvalidArgumentError(`It is a whole number from 1 to ${rowsLimit}.`);
  return count;
}
