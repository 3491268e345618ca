import { Command } from "commander";
import { register as registerBench } from "./commands/bench.js";
import { register as registerCollect } from "./commands/collect.js";
import { register as registerConsole } from "./commands/console.js";
import { register as registerEngine } from "./commands/engine.js";
import { register as registerImport } from "./commands/import.js";
import { register as registerInit } from "./commands/init.js";
import { register as registerQuery } from "./commands/query.js";
import { register as registerSchemas } from "./commands/schemas.js";
import { register as registerValidate } from "./commands/validate.js";
import { register as registerExplain } from "./commands/explain.js";
import { register as registerRun } from "./commands/run.js";
import { register as registerStatus } from "./commands/status.js";
import { register as registerSync } from "./commands/sync.js";
import { register as registerTest } from "./commands/test.js";
import { register as registerUp } from "./commands/up.js";
import { register as registerVerify } from "./commands/verify.js";
import { register as registerWarehouse } from "./commands/warehouse.js";
import type { CliContext } from "./context.js";
import { exitCodeWords } from "./exit-codes.js";

/** Every command, one file each in commands/. A new one is one import and one entry here. */
const commands: readonly ((program: Command, context: CliContext) => void)[] = [
  registerInit,
  registerUp,
  registerCollect,
  registerEngine,
  registerRun,
  registerImport,
  registerStatus,
  registerExplain,
  registerVerify,
  registerSync,
  registerQuery,
  registerWarehouse,
  registerTest,
  registerValidate,
  registerSchemas,
  registerConsole,
  registerBench,
];

export function createProgram(context: CliContext, version: string): Command {
  const program = new Command("cambium")
    .description("Cambium, the open growth engine: from events to profiles, scores, audiences and deliveries.")
    .version(version, "-v, --version", "print the version")
    .option("-p, --project <dir>", "the growth project's folder (else CAMBIUM_PROJECT, else the nearest cambium.yml upwards)")
    .option("--json", "answer in JSON, for machines")
    .option("--debug", "show where an error came from")
    .option("--no-color", "no colours (NO_COLOR=1 does the same)")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError(true)
    .showHelpAfterError("(add --help for examples)")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
      getOutHelpWidth: () => context.terminal.columns,
      getErrHelpWidth: () => context.terminal.columns,
    })
    .exitOverride();
  for (const register of commands) register(program, context);
  for (const command of program.commands) command.copyInheritedSettings(program);
  const codes = exitCodeWords.map(([code, words]) => `  ${code}  ${words}`).join("\n");
  program.addHelpText("after", `\nExit codes:\n${codes}\n\nStart here:\n  cambium init my-project && cd my-project && cambium up`);
  return program;
}
