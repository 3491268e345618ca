import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { CambiumError } from "../base/errors.js";
import { buildProject } from "./build-project.js";
import { checkProject } from "./check-project.js";
import { type DefinitionKind, configFile, definitionKindNames, definitionKinds, modelsFolder } from "./definition-kinds.js";
import { type Files, type Placed, parseDefinitions } from "./parse-definitions.js";
import { parseModels } from "./parse-models.js";
import { projectInvalid } from "./problem.js";
import type { Project } from "./project.js";

/** Largest definition file and largest manual list that is read. */
const fileBytesMax = 64_000_000;
const filesMax = 20_000;
/** Folders below a kind's folder, at most. */
const depthMax = 8;

/** Reads, checks and freezes the growth project in a folder; throws one PROJECT_INVALID that names every problem. */
export async function loadProject(dir: string): Promise<Project> {
  return projectFromFiles(await readProjectFiles(dir), path.resolve(dir));
}

/** The same from text: `files` maps paths relative to the project (with `/`) to their content. Pure. */
export function projectFromFiles(files: Files, dir: string = "/project"): Project {
  return placedProject(files, dir).project;
}

/** A checked project and where its definitions stand, for whoever can check more of them. */
export interface PlacedProject {
  readonly project: Project;
  placeOf(kind: DefinitionKind, name: string): Placed<unknown> | undefined;
}

export function placedProject(files: Files, dir: string = "/project"): PlacedProject {
  const definitions = parseDefinitions(files);
  const models = parseModels(files);
  const problems = [...definitions.problems, ...models.problems, ...checkProject(files, definitions, models)];
  if (problems.length > 0 || definitions.config === undefined) throw projectInvalid(problems);
  const { placed } = definitions;
  return {
    project: buildProject(dir, files, definitions.config.definition, placed, models.models),
    placeOf: (kind, name) => placed[kind].find(({ definition }) => definition.name === name),
  };
}

/** Every file that a project consists of: cambium.yml, the kinds' folders, the models, and the lists that audiences name. */
export async function readProjectFiles(dir: string): Promise<Record<string, string>> {
  const root = await stat(path.join(dir, configFile)).catch(() => undefined);
  if (root === undefined) {
    throw new CambiumError("PROJECT_NOT_FOUND", `There is no ${configFile} in ${path.resolve(dir)}.`);
  }
  const files: Record<string, string> = { [configFile]: await readText(dir, configFile) };
  const names = await readdir(dir, { withFileTypes: true });
  for (const entry of names.filter((candidate) => candidate.isDirectory() && !candidate.name.startsWith("."))) {
    if (entry.name !== "node_modules") await readFolder(dir, entry.name, files);
  }
  return files;
}

const folders: readonly string[] = [...definitionKindNames.map((kind) => definitionKinds[kind].folder), modelsFolder];

async function readFolder(dir: string, folder: string, files: Record<string, string>, depth: number = 0): Promise<void> {
  if (depth > depthMax) return;
  const known = folders.includes(folder.split("/")[0] ?? "");
  for (const entry of await readdir(path.join(dir, folder), { withFileTypes: true })) {
    const relative = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".") && entry.name !== "node_modules") await readFolder(dir, relative, files, depth + 1);
    } else if (/\.(ya?ml|sql)$/.test(entry.name)) {
      // In folders that are nobody's only the name counts, to tell a misspelt folder from code.
      files[relative] = known ? await readText(dir, relative) : "";
    } else if (/\.csv$/i.test(entry.name)) {
      const { size } = await stat(path.join(dir, relative));
      if (size <= fileBytesMax) files[relative] = await readText(dir, relative);
    }
    if (Object.keys(files).length > filesMax) {
      throw new CambiumError(
        "PROJECT_INVALID",
        `${path.resolve(dir)} has more than ${filesMax} YAML, SQL and CSV files: it cannot be one project.`,
      );
    }
  }
}

async function readText(dir: string, relative: string): Promise<string> {
  const text = await readFile(path.join(dir, relative), "utf8");
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}
