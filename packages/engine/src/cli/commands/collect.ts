import type { Command } from "commander";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { portNumber } from "../port-number.js";
import { startCollecting } from "../run/start-collecting.js";
import { untilInterrupted } from "../run/until-interrupted.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("collect")
    .description("only accept events, and ship them into the warehouse: one of many machines before a `cambium engine`")
    .option("--port <port>", "port of the collector (cambium.yml's unless given; 0 takes a free one)", portNumber)
    .option("--host <host>", "address to listen on; other machines reach it only if you say so here")
    .addHelpText(
      "after",
      examples([
        ["cambium collect --host 0.0.0.0", "accept events on this machine and ship them"],
        ["cambium collect --port 4401 --project ./growth", "on another port, of another project"],
      ]),
    )
    .action(async (own: { port?: number; host?: string }, command: Command) => {
      const { terminal } = context;
      const running = await startCollecting({
        dir: findProject(context, globalOptions(command)),
        env: context.env as NodeJS.ProcessEnv,
        host: own.host,
        port: own.port,
        onEvent: (sentence) => terminal.err(`${terminal.colors.dim(sentence)}\n`),
      });
      terminal.out(`Collector  ${running.collector.running?.url ?? "(starting)"}\nCtrl-C stops it; what is not shipped yet waits here.\n`);
      await untilInterrupted();
      terminal.err("Stopping: sealing the spool and shipping it …\n");
      await running.close();
    });
}
