import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import { openEngine } from "../../engine.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { tellWaiting } from "../run/tell-waiting.js";
import { serverInfo } from "../server-client.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("run")
    .description("load, compute and deliver once, then end; for schedulers that start it from outside")
    .option("--everyone", "recompute every entity, not only those that something happened to")
    .addHelpText(
      "after",
      examples([
        ["cambium run", "one turn of the loop"],
        ["cambium run --json", "with the counts for a script"],
      ]),
    )
    .action(async (own: { everyone?: boolean }, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const info = await serverInfo(dir);
      if (info !== undefined) throw new CambiumError("WAREHOUSE_LOCKED", `The project is running at ${info.url}: it does this by itself.`);
      const engine = await openEngine({
        dir,
        version: program.version() ?? "0",
        env: context.env as NodeJS.ProcessEnv,
        lease: { onLook: tellWaiting((sentence) => context.terminal.err(`${sentence}\n`)) },
        onError: (where, thrown) => context.terminal.err(`${where}: ${String(thrown)}\n`),
      });
      try {
        const accepted = await engine.loops.loadOnce();
        const cycle = await engine.loops.cycleOnce(own.everyone === true ? { everyone: true } : {});
        const deliveries = await engine.deliver();
        if (options.json === true) {
          context.terminal.out(`${JSON.stringify({ accepted, cycle, deliveries }, undefined, 2)}\n`);
          return;
        }
        const changed = Object.entries(cycle.changed)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(", ");
        context.terminal.out(
          `Loaded ${accepted} events; changed ${changed}; ${cycle.entered} audience entries, ${cycle.left} exits (${cycle.seconds.toFixed(2)} s).\n`,
        );
        for (const each of deliveries)
          context.terminal.out(`Sync ${each.sync}: ${each.delivered} delivered, ${each.failed} failed, ${each.skipped} skipped.\n`);
      } finally {
        await engine.close();
      }
    });
}
