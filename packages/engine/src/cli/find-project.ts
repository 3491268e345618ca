import { existsSync } from "node:fs";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import { configFile } from "../project/definition-kinds.js";
import type { CliContext, GlobalOptions } from "./context.js";

/** The project a command works on: `--project`, else CAMBIUM_PROJECT, else the nearest folder upwards with a cambium.yml. */
export function findProject(context: CliContext, options: GlobalOptions): string {
  const named = options.project ?? context.env["CAMBIUM_PROJECT"];
  if (named !== undefined) {
    const dir = path.resolve(context.cwd, named);
    if (!existsSync(path.join(dir, configFile))) throw new CambiumError("PROJECT_NOT_FOUND", `There is no ${configFile} in ${dir}.`);
    return dir;
  }
  for (let dir = path.resolve(context.cwd); ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, configFile))) return dir;
    if (dir === path.dirname(dir)) {
      throw new CambiumError("PROJECT_NOT_FOUND", `There is no ${configFile} in ${path.resolve(context.cwd)}, nor in any folder above it.`);
    }
  }
}

/** `<project>/.cambium`: warehouse, spool and what the running server says about itself. */
export function stateDir(projectDir: string): string {
  return path.join(projectDir, ".cambium");
}
