import path from "node:path";
import type { Command } from "commander";
import { counted } from "../../observe/health.js";
import { type Status, status } from "../../observe/status.js";
import { loadProject } from "../../project/load-project.js";
import { spoolState } from "../../run/spool-state.js";
import { type Status as StatusAnswer, status as statusAnswer } from "../../server/contract.js";
import { watchLease } from "../../warehouse/open-warehouse.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject, stateDir } from "../find-project.js";
import { settingsOf, withLocalWarehouse } from "../open-local.js";
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
      const answer =
        info === undefined ? await localStatus(dir, context) : ofEngine(await connectTo(info).get(statusAnswer, "/api/status"));
      context.terminal.out(
        options.json === true
          ? `${JSON.stringify(answer.status, undefined, 2)}\n`
          : statusText(answer.status, context.terminal, { url: info?.url, conductor: answer.conductor }),
      );
      if (answer.status.health.state === "error") context.exitWith(exitCodes.checkFailed);
    });
}

interface Answer {
  readonly status: Status;
  readonly conductor: string | undefined;
}

function ofEngine(status: StatusAnswer): Answer {
  const { lease } = status;
  if (lease === null) return { status, conductor: undefined };
  const renewed = `term ${lease.term}, renewed ${lease.renewedSeconds.toFixed(1)} s ago`;
  return {
    status,
    conductor: lease.mayDeliver ? `The conductor runs here (${renewed}).` : `The conductor runs here and may not deliver (${renewed}).`,
  };
}

/** Read from the warehouse, with what waits in this machine's spool: it may be one that only collects. */
async function localStatus(dir: string, context: CliContext): Promise<Answer> {
  const project = await loadProject(dir);
  const spool = await spoolState(path.join(stateDir(dir), "spool"));
  try {
    const watch = watchLease(settingsOf(project, context.env));
    const seen = await watch?.read().finally(() => watch.close());
    const conductor = seen === undefined || seen.released ? undefined : `The conductor is ${seen.holder} (term ${seen.term}).`;
    const found = await withLocalWarehouse(project, context.env, (connection) => status(connection, project, context.clock(), { spool }));
    return { status: found, conductor };
  } catch (thrown) {
    if (spool.segments > 0)
      context.terminal.err(`${counted(spool.segments, "segment")} (${counted(spool.bytes, "byte")}) wait in the spool of this machine.\n`);
    throw thrown;
  }
}
