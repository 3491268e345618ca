import type { Command } from "commander";
import { type Status, status } from "../../observe/status.js";
import { loadProject } from "../../project/load-project.js";
import { status as statusAnswer } from "../../server/contract.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject } from "../find-project.js";
import { withLocalWarehouse } from "../open-local.js";
import { connectTo, serverInfo } from "../server-client.js";
import { statusText } from "../status-text.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("status")
    .description("show every hop of the loop: counts that must add up, age of the data, what is wrong")
    .addHelpText(
      "after",
      examples([
        ["cambium status", "at a glance"],
        ["cambium status --json", "for a monitor; exit code 4 when something is wrong"],
      ]),
    )
    .action(async (_own: unknown, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const info = await serverInfo(dir);
      const answer: Status = info === undefined ? await localStatus(dir, context) : await connectTo(info).get(statusAnswer, "/api/status");
      context.terminal.out(
        options.json === true ? `${JSON.stringify(answer, undefined, 2)}\n` : statusText(answer, context.terminal, info?.url),
      );
      if (answer.health.state === "error") context.exitWith(exitCodes.checkFailed);
    });
}

async function localStatus(dir: string, context: CliContext): Promise<Status> {
  const project = await loadProject(dir);
  return withLocalWarehouse(project, context.env, (connection) => status(connection, project, context.clock()));
}
