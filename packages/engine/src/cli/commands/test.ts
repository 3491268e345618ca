import type { Command } from "commander";
import { type ModelTestResult, testModels } from "../../model/test-models.js";
import { loadProject } from "../../project/load-project.js";
import { modelTests } from "../../server/contract.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject } from "../find-project.js";
import { withLocalWarehouse } from "../open-local.js";
import { connectTo, serverInfo } from "../server-client.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("test")
    .description("ask the tests of the SQL models (schema.yml): unique, not_null, accepted_values, relationships")
    .addHelpText(
      "after",
      examples([
        ["cambium test", "every test of every model"],
        ["cambium test --json", "for a script; exit code 4 when a test fails"],
      ]),
    )
    .action(async (_own: unknown, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const project = await loadProject(dir);
      const info = await serverInfo(dir);
      const results =
        info === undefined
          ? await withLocalWarehouse(project, context.env, (connection) => testModels(connection, project))
          : (await connectTo(info).post(modelTests, "/api/models/test")).tests;
      const failed = results.filter((result) => result.severity === "error" && result.failing !== 0);
      show(results, options.json === true, context);
      if (failed.length > 0) context.exitWith(exitCodes.checkFailed);
    });
}

function show(results: readonly ModelTestResult[], json: boolean, { terminal }: CliContext): void {
  if (json) {
    terminal.out(`${JSON.stringify({ tests: results }, undefined, 2)}\n`);
    return;
  }
  const { green, red, yellow } = terminal.colors;
  for (const { model, column, type, severity, failing, message } of results) {
    const mark = failing === 0 ? green("✓") : severity === "warn" ? yellow("!") : red("✗");
    const what =
      failing === 0 ? "" : failing === undefined ? `  could not be asked: ${(message ?? "").split("\n")[0] ?? ""}` : `  ${failing} failing`;
    terminal.out(`${mark} ${model}.${column} ${type}${what}\n`);
  }
  const good = results.filter(({ failing }) => failing === 0).length;
  terminal.out(
    results.length === 0 ? "No model has tests: write them in models/schema.yml.\n" : `${good} of ${results.length} tests hold.\n`,
  );
}
