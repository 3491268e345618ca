import picocolors from "picocolors";
import type { CliContext } from "../../src/cli/context.js";
import { main } from "../../src/cli/main.js";

export interface CliRun {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs the command in this process, with a terminal that remembers. */
export async function runCli(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; terminal?: boolean } = {},
): Promise<CliRun> {
  const run = { out: "", err: "", code: 0 };
  const context: CliContext = {
    cwd: options.cwd ?? "/",
    env: options.env ?? {},
    clock: () => 1_772_366_400_000_000,
    terminal: {
      out: (text) => void (run.out += text),
      err: (text) => void (run.err += text),
      colors: picocolors.createColors(false),
      outIsTerminal: options.terminal ?? false,
      errIsTerminal: false,
      columns: 100,
    },
    exitWith: (code) => void (run.code = code),
  };
  await main(["node", "cambium", ...args], context);
  return run;
}
