import type { Command } from "commander";
import { type Clock, systemClock } from "../base/instant.js";
import { type Terminal, systemTerminal } from "./terminal.js";

/** What a command may touch of the world; tests hand in their own. */
export interface CliContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Set by a command whose answer is "no": the process ends with it. */
  exitWith(code: number): void;
}

export function systemContext(argv: readonly string[]): CliContext {
  return {
    cwd: process.cwd(),
    env: process.env,
    terminal: systemTerminal(process.env, argv),
    clock: systemClock,
    exitWith(code) {
      process.exitCode = code;
    },
  };
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly project?: string | undefined;
  readonly json?: boolean | undefined;
  readonly debug?: boolean | undefined;
}

export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}
