import type { z } from "zod";
import { type DefinitionKind, configFile, configSchema, definitionKindNames, definitionKinds } from "./definition-kinds.js";
import type { Audience } from "./kinds/audience.js";
import type { Config } from "./kinds/config.js";
import type { DestinationDefinition } from "./kinds/destination.js";
import type { Score } from "./kinds/score.js";
import type { Source } from "./kinds/source.js";
import type { Sync } from "./kinds/sync.js";
import type { Trait } from "./kinds/trait.js";
import { type Problem, nearest, pathText, suggestion } from "./problem.js";
import { readableIssues, valueAt } from "./readable-issues.js";
import { allKeysAt, keysAt } from "./schema-keys.js";
import { type Place, type YamlDefinition, parseYamlFile } from "./yaml-file.js";

/** Text of files → definitions of the right shape, each with its place; what has not the right shape becomes problems. */

/** A definition and where it stands. */
export interface Placed<T> {
  readonly definition: T;
  readonly file: string;
  place(path: readonly PropertyKey[], of?: "key" | "value"): Place;
}

interface DefinitionTypes {
  source: Source;
  trait: Trait;
  score: Score;
  audience: Audience;
  destination: DestinationDefinition;
  sync: Sync;
}

export type PlacedDefinitions = { readonly [K in DefinitionKind]: readonly Placed<DefinitionTypes[K]>[] };

export interface Definitions {
  readonly config: Placed<Config> | undefined;
  readonly placed: PlacedDefinitions;
  /** Names of definitions that exist but are broken: references to them are not a second problem. */
  readonly broken: ReadonlyMap<DefinitionKind, ReadonlySet<string>>;
  readonly problems: readonly Problem[];
}

export type Files = Readonly<Record<string, string>>;

export function parseDefinitions(files: Files): Definitions {
  const problems: Problem[] = [...misplacedFolders(files)];
  const broken = new Map<DefinitionKind, Set<string>>();
  const placed = Object.fromEntries(
    definitionKindNames.map((kind) => {
      const { folder, schema } = definitionKinds[kind];
      const parsed = yamlFilesIn(files, folder).flatMap((file) => parseFile(file, files[file] ?? "", schema, problems, broken, kind));
      return [kind, parsed];
    }),
  ) as unknown as PlacedDefinitions;
  return { config: parseConfig(files, problems), placed, broken, problems };
}

export function yamlFilesIn(files: Files, folder: string): string[] {
  return Object.keys(files)
    .filter((file) => file.startsWith(`${folder}/`) && /\.ya?ml$/.test(file))
    .sort();
}

function parseConfig(files: Files, problems: Problem[]): Placed<Config> | undefined {
  const text = files[configFile];
  if (text === undefined) {
    problems.push({
      file: configFile,
      line: 1,
      column: 1,
      path: "",
      message: "This project has no cambium.yml.",
      remedy: "Create one that says at least `name: my_project`, or run `cambium init`.",
    });
    return undefined;
  }
  const parsed = parseYamlFile(configFile, text);
  problems.push(...parsed.problems);
  const [first, second] = parsed.definitions;
  if (second !== undefined) {
    problems.push({
      ...second.place([]),
      path: "",
      message: "cambium.yml holds one project only.",
      remedy: "Remove everything from here on.",
    });
  }
  if (first === undefined && parsed.problems.length > 0) return undefined;
  const definition: YamlDefinition = first ?? { file: configFile, value: {}, place: () => ({ file: configFile, line: 1, column: 1 }) };
  return checkShape(definition, configSchema, problems) as Placed<Config> | undefined;
}

function parseFile(
  file: string,
  text: string,
  schema: z.ZodType,
  problems: Problem[],
  broken: Map<DefinitionKind, Set<string>>,
  kind: DefinitionKind,
): Placed<unknown>[] {
  const parsed = parseYamlFile(file, text);
  problems.push(...parsed.problems);
  return parsed.definitions.flatMap((definition) => {
    const checked = checkShape(definition, schema, problems);
    if (checked !== undefined) return [checked];
    const name =
      typeof definition.value === "object" && definition.value !== null && "name" in definition.value ? definition.value.name : "";
    const names = broken.get(kind) ?? new Set();
    broken.set(kind, names.add(String(name)));
    return [];
  });
}

/** Has it the right shape? What has not becomes problems. */
export function checkShape<T>(definition: YamlDefinition, schema: z.ZodType<T>, problems: Problem[]): Placed<T> | undefined {
  const result = schema.safeParse(definition.value);
  if (result.success) return { definition: result.data, file: definition.file, place: definition.place };
  for (const issue of readableIssues(result.error.issues, definition.value)) {
    const unknownKey = issue.message.endsWith("belongs here.") && issue.remedy === undefined;
    const { message, remedy } = unknownKey ? unknownKeyWords(schema, definition.value, issue.path) : issue;
    problems.push({ ...definition.place(issue.path, issue.of), path: pathText(issue.path), message, remedy });
  }
  return undefined;
}

function unknownKeyWords(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): { message: string; remedy: string } {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = keysAt(schema, value, parent);
  const elsewhere = allKeysAt(schema, parent);
  if (!elsewhere.has(key)) return { message: `\`${key}\` is not a key that belongs here.`, remedy: suggestion(key, known, "keys here") };
  const beside = known.filter((candidate) => candidate !== key && valueAt(value, [...parent, candidate]) !== undefined);
  const message = `\`${key}\` does not go together with ${beside.map((candidate) => `\`${candidate}\``).join(", ")}.`;
  const isCondition = elsewhere.has("all") && elsewhere.has("any");
  return {
    message,
    remedy: isCondition ? "A condition asks one thing: join several under `all:` or `any:`." : suggestion(key, known, "keys here"),
  };
}

/** A folder `audience/` full of YAML that nothing reads is a slip worth a word. */
function misplacedFolders(files: Files): Problem[] {
  const folders = [...definitionKindNames.map((kind) => definitionKinds[kind].folder), "models"] as string[];
  const seen = new Map<string, string>();
  for (const file of Object.keys(files).sort()) {
    const [top, rest] = file.split("/", 2);
    if (top === undefined || rest === undefined || folders.includes(top) || !/\.(ya?ml|sql)$/.test(file)) continue;
    if (!seen.has(top)) seen.set(top, file);
  }
  return [...seen].flatMap(([folder, file]) => {
    const near = nearest(folder, folders);
    if (near === undefined) return [];
    const message = `The folder \`${folder}\` is none that Cambium reads.`;
    return [{ file, line: 1, column: 1, path: "", message, remedy: `Did you mean \`${near}\`?` }];
  });
}
