import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { jsonSchemas } from "../../project/json-schemas.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { findProject, stateDir } from "../find-project.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("schemas")
    .description("write JSON Schemas of all definition kinds, so that editors complete and check them")
    .option("-o, --out <dir>", "where to write them (default: .cambium/schemas of the project)")
    .addHelpText(
      "after",
      examples([
        ["cambium schemas", "write them into this project"],
        ["cambium schemas --out docs/schemas", "write them somewhere else"],
      ]),
    )
    .action(async (own: { out?: string }, command: Command) => {
      const options = globalOptions(command);
      const dir = own.out === undefined ? schemasDir(findProject(context, options)) : path.resolve(context.cwd, own.out);
      const files = await writeSchemas(dir);
      context.terminal.out(options.json === true ? `${JSON.stringify({ dir, files })}\n` : `Wrote ${files.length} schemas into ${dir}.\n`);
    });
}

export function schemasDir(projectDir: string): string {
  return path.join(stateDir(projectDir), "schemas");
}

export async function writeSchemas(dir: string): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const schemas = Object.entries(jsonSchemas());
  for (const [file, schema] of schemas) await writeFile(path.join(dir, file), `${JSON.stringify(schema, undefined, 2)}\n`);
  return schemas.map(([file]) => file);
}
