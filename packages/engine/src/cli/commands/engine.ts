import type { Command } from "commander";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject } from "../find-project.js";
import { portNumber } from "../port-number.js";
import { conduct } from "../run/conduct.js";
import { untilInterrupted } from "../run/until-interrupted.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("engine")
    .description("the engine and the console without a collector; a second one stands by and takes over when the first is gone")
    .option("--port <port>", "port of the console and the API (cambium.yml's unless given; 0 takes a free one)", portNumber)
    .option("--host <host>", "address to listen on; other machines reach it only if you say so here")
    .addHelpText(
      "after",
      examples([
        ["cambium engine", "load what collectors ship, turn the cycle, deliver; or stand by while another does"],
        ["cambium engine --port 4311", "a standby on the same machine"],
        ["curl localhost:4311/healthz", "which of the two it is"],
      ]),
    )
    .action(async (own: { port?: number; host?: string }, command: Command) => {
      const { terminal } = context;
      const told = new AbortController();
      const over = new AbortController();
      const running = conduct({
        dir: findProject(context, globalOptions(command)),
        version: program.version() ?? "0",
        env: context.env as NodeJS.ProcessEnv,
        host: own.host,
        port: own.port,
        signal: told.signal,
        onEvent: (sentence) => terminal.err(`${terminal.colors.dim(sentence)}\n`),
        onConducting: (url) => terminal.out(`Console    ${url}\n`),
      }).finally(() => over.abort());
      await Promise.race([running, untilInterrupted(over.signal)]);
      told.abort();
      await running;
    });
}
