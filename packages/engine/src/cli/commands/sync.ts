import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import { openEngine } from "../../engine.js";
import { type DryRun, type SyncRunResult, dryRun, syncRunResult } from "../../server/contract.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject } from "../find-project.js";
import { tellWaiting } from "../run/tell-waiting.js";
import { connectTo, serverInfo } from "../server-client.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("sync")
    .description("run one sync now, or show what it would send")
    .argument("<name>", "a sync of syncs/*.yml")
    .option("--dry-run", "show the exact requests and send nothing")
    .option("--confirm", "let a run go on that the guard stopped")
    .addHelpText(
      "after",
      examples([
        ["cambium sync accounts_to_crm --dry-run", "the requests that would go out"],
        ["cambium sync accounts_to_crm --confirm", "after the guard stopped it and you looked"],
      ]),
    )
    .action(async (name: string, own: { dryRun?: boolean; confirm?: boolean }, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      if (own.dryRun === true && own.confirm === true) throw new CambiumError("BAD_REQUEST", "Choose one of --dry-run and --confirm.");
      const info = await serverInfo(dir);
      const route = `/api/syncs/${encodeURIComponent(name)}/${own.dryRun === true ? "dry-run" : own.confirm === true ? "confirm" : "run"}`;
      const answer =
        info === undefined
          ? await locally(dir, name, own, program.version() ?? "0", context)
          : own.dryRun === true
            ? await connectTo(info).post(dryRun, route)
            : await connectTo(info).post(syncRunResult, route);
      if (options.json === true) context.terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
      else if ("requests" in answer) showDryRun(answer, context);
      else context.terminal.out(`${answer.sentence}\n`);
      if ("accepted" in answer && !answer.accepted) context.exitWith(exitCodes.checkFailed);
    });
}

async function locally(
  dir: string,
  name: string,
  own: { dryRun?: boolean; confirm?: boolean },
  version: string,
  context: CliContext,
): Promise<DryRun | SyncRunResult> {
  const lease = { onLook: tellWaiting((sentence) => context.terminal.err(`${sentence}\n`)) };
  const engine = await openEngine({ dir, version, env: context.env as NodeJS.ProcessEnv, lease });
  try {
    // What a sync reads must be there: definitions may be new since the last cycle.
    context.terminal.err("Computing what is new …\n");
    await engine.loops.cycleOnce();
    if (own.dryRun === true) return await engine.dryRun(name);
    return own.confirm === true ? await engine.confirmSync(name) : await engine.runSync(name);
  } finally {
    await engine.close();
  }
}

function showDryRun(answer: DryRun, { terminal }: CliContext): void {
  const { bold, dim } = terminal.colors;
  const count = (value: number) => value.toLocaleString("en");
  terminal.out(
    `${bold(answer.sync)} would add ${count(answer.added)}, change ${count(answer.changed)} and remove ${count(answer.removed)} rows.\n`,
  );
  if (answer.requestsTotal === 0)
    terminal.out(
      `Nothing differs from what the destination has confirmed (${count(answer.unchanged)} rows), so there is no request to show.\n` +
        "Change a definition or its mapping, or let something happen, and ask again.\n",
    );
  if (answer.guard !== null) terminal.out(`${answer.guard.sentence}\n`);
  for (const request of answer.requests) {
    terminal.out(`\n${bold(`${request.method} ${request.url}`)}\n`);
    for (const [header, value] of Object.entries(request.requestHeaders)) terminal.out(dim(`${header}: ${value}\n`));
    if (request.requestBody !== undefined) terminal.out(`${request.requestBody}\n`);
  }
  if (answer.requestsTotal > answer.requests.length)
    terminal.out(dim(`\n… and ${answer.requestsTotal - answer.requests.length} more requests.\n`));
}
