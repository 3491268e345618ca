import type { Command } from "commander";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { portNumber } from "../port-number.js";
import { startUp } from "../run/start-up.js";
import { untilInterrupted } from "../run/until-interrupted.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("up")
    .description("start the project: the collector, the engine and the console, until Ctrl-C")
    .option("--port <port>", "port of the console and the API (cambium.yml's unless given; 0 takes a free one)", portNumber)
    .option("--collector-port <port>", "port of the collector", portNumber)
    .option("--host <host>", "address to listen on; other machines reach it only if you say so here")
    .addHelpText(
      "after",
      examples([
        ["cambium up", "start the project of this folder"],
        ["cambium up --port 8080", "with the console on another port"],
      ]),
    )
    .action(async (own: { port?: number; collectorPort?: number; host?: string }, command: Command) => {
      const { terminal } = context;
      const dir = findProject(context, globalOptions(command));
      const lost = new AbortController();
      const running = await startUp({
        dir,
        version: program.version() ?? "0",
        env: context.env as NodeJS.ProcessEnv,
        ...(own.port !== undefined && { port: own.port }),
        ...(own.collectorPort !== undefined && { collectorPort: own.collectorPort }),
        ...(own.host !== undefined && { host: own.host }),
        onLost: (error) => lost.abort(error),
        onEvent: (sentence) => terminal.err(`${terminal.colors.dim(sentence)}\n`),
      });
      running.engine.loops.start();
      terminal.out(
        `Console    ${running.consoleUrl}\nCollector  ${running.collector.running?.url ?? "(starting)"}\nCtrl-C stops both; nothing is lost.\n`,
      );
      await untilInterrupted(lost.signal);
      terminal.err("Stopping: sealing the spool and closing the warehouse …\n");
      await running.close();
      lost.signal.throwIfAborted();
    });
}
