import { CommanderError } from "commander";
import { CambiumError, messageOf } from "../base/errors.js";
import type { Terminal } from "./terminal.js";
import { exitCodeOf, exitCodes } from "./exit-codes.js";

/** Says what happened and what to do next, and returns the exit code. A stack only with `--debug`. */
export function reportError(thrown: unknown, terminal: Terminal, options: { json: boolean; debug: boolean }): number {
  // Commander has already written its own message, or help or the version, which are no errors.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const error = thrown instanceof CambiumError ? thrown : undefined;
  if (options.json) {
    const { code, next, details } = error ?? new CambiumError("INTERNAL", messageOf(thrown));
    terminal.out(`${JSON.stringify({ error: { code, message: messageOf(thrown), next, details } }, undefined, 2)}\n`);
  } else {
    const { red, bold, dim } = terminal.colors;
    terminal.err(`${red(bold("error"))} ${messageOf(thrown)}\n`);
    if (error !== undefined) terminal.err(`\n${error.next}\n`);
    const sqlText = error?.details["sql"];
    if (typeof sqlText === "string") terminal.err(dim(`\nThe statement was:\n${sqlText.slice(0, statementCharsMax)}\n`));
  }
  if (options.debug && thrown instanceof Error) terminal.err(`\n${stackOf(thrown)}\n`);
  return error === undefined ? exitCodes.failed : exitCodeOf(error.code);
}

const statementCharsMax = 2_000;

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
