import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import type { CliContext } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("bench")
    .description("measure rows per second, freshness and memory on this machine, beside the limits measured in the same run")
    .argument("[names...]", "which benches; all of them take minutes")
    .addHelpText(
      "after",
      examples([
        ["cambium bench ingest", "how fast events are accepted"],
        ["cambium bench", "all of them"],
      ]),
    )
    .action(async (names: string[]) => {
      const script = benchScript();
      if (script === undefined) {
        throw new CambiumError(
          "NOT_FOUND",
          "The benches are not part of the installed package: clone the repository and run `npm run bench` there.",
        );
      }
      const code = await new Promise<number>((resolve, reject) => {
        const child = spawn(process.execPath, [script, ...names], { stdio: "inherit", env: context.env as NodeJS.ProcessEnv });
        child.once("error", reject);
        child.once("close", (status) => resolve(status ?? exitCodes.failed));
      });
      if (code !== 0) context.exitWith(code);
    });
}

/** scripts/bench.mjs of the checkout that this code was built in. */
function benchScript(): string | undefined {
  for (let dir = path.dirname(fileURLToPath(import.meta.url)); dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const script = path.join(dir, "scripts/bench.mjs");
    if (existsSync(script) && existsSync(path.join(dir, "bench"))) return script;
  }
  return undefined;
}
