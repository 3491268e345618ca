import { readFileSync } from "node:fs";
import { type CliContext, systemContext } from "./context.js";
import { createProgram } from "./program.js";
import { reportError } from "./report-error.js";

/** The `cambium` command: reads the words, runs one command, says what went wrong. Called by bin/cambium.js. */
export async function main(argv: readonly string[], context: CliContext = systemContext(argv)): Promise<void> {
  const program = createProgram(context, version());
  try {
    await program.parseAsync([...argv]);
  } catch (thrown) {
    const code = reportError(thrown, context.terminal, { json: argv.includes("--json"), debug: argv.includes("--debug") });
    if (code !== 0) context.exitWith(code);
  }
}

/** From package.json: two folders up from src/cli and from dist/cli alike. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
}
