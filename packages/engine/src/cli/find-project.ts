import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { CambiumError } from "../base/errors.js";
import { configFile } from "../project/definition-kinds.js";
import type { CliContext, GlobalOptions } from "./context.js";

/**
 * The project a command works on: `--project`, else CAMBIUM_PROJECT, else the nearest folder upwards with a cambium.yml,
 * or with a package.json that names one (`"cambium": { "project": "growth" }`), as repositories do that hold more.
 */
export function findProject(context: CliContext, options: GlobalOptions): string {
  const named = options.project ?? context.env["CAMBIUM_PROJECT"];
  if (named !== undefined) {
    const dir = path.resolve(context.cwd, named);
    if (!existsSync(path.join(dir, configFile))) throw new CambiumError("PROJECT_NOT_FOUND", `There is no ${configFile} in ${dir}.`);
    return dir;
  }
  for (let dir = path.resolve(context.cwd); ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, configFile))) return dir;
    const project = projectOfPackage(dir);
    if (project !== undefined) return project;
    if (dir === path.dirname(dir)) {
      throw new CambiumError("PROJECT_NOT_FOUND", `There is no ${configFile} in ${path.resolve(context.cwd)}, nor in any folder above it.`);
    }
  }
}

function projectOfPackage(dir: string): string | undefined {
  const file = path.join(dir, "package.json");
  if (!existsSync(file)) return undefined;
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  const named = manifestSchema.safeParse(manifest);
  if (!named.success) return undefined;
  const project = path.resolve(dir, named.data.cambium.project);
  if (existsSync(path.join(project, configFile))) return project;
  throw new CambiumError(
    "PROJECT_NOT_FOUND",
    `${file} names the project ${named.data.cambium.project}, and there is no ${configFile} in ${project}.`,
  );
}

const manifestSchema = z.object({ cambium: z.object({ project: z.string() }) });

/** `<project>/.cambium`: warehouse, spool and what the running server says about itself. */
export function stateDir(projectDir: string): string {
  return path.join(projectDir, ".cambium");
}
