import { listCatalogue, specOf } from "@cambium/catalogue";
import { ownDestinationSpecs } from "../activate/destinations/index.js";
import type { ActionSpec, DestinationSpec } from "../activate/destination.js";
import type { PlacedProject } from "../project/load-project.js";
import type { DestinationDefinition } from "../project/kinds/destination.js";
import type { Sync } from "../project/kinds/sync.js";
import { type Problem, nearest, pathText, suggestion } from "../project/problem.js";

/**
 * What definitions say about destinations, against what the destinations say about themselves: settings, actions, modes
 * and fields. The project alone cannot know these.
 */
export function destinationProblems(placed: PlacedProject): Problem[] {
  const problems: Problem[] = [];
  const specs = new Map<string, DestinationSpec>();
  for (const definition of placed.project.destinations) {
    const report = reporter(placed, "destination", definition.name, problems);
    const spec = specBehind(definition, report);
    if (spec === undefined) continue;
    specs.set(definition.name, spec);
    checkSettings(definition, spec, report);
  }
  for (const sync of placed.project.syncs) {
    const spec = specs.get(sync.destination);
    if (spec !== undefined) checkSync(sync, spec, reporter(placed, "sync", sync.name, problems));
  }
  return problems;
}

type Report = (path: readonly PropertyKey[], of: "key" | "value", message: string, remedy: string) => void;

function reporter(placed: PlacedProject, kind: "destination" | "sync", name: string, problems: Problem[]): Report {
  const at = placed.placeOf(kind, name);
  return (path, of, message, remedy) => {
    const place = at?.place(path, of) ?? { file: `${kind}s`, line: 1, column: 1 };
    problems.push({ ...place, path: pathText(path), message, remedy });
  };
}

function specBehind(definition: DestinationDefinition, report: Report): DestinationSpec | undefined {
  const slug = /^catalogue:(.+)$/.exec(definition.type)?.[1];
  if (slug === undefined) return ownDestinationSpecs[definition.type];
  const entry = listCatalogue().find((candidate) => candidate.slug === slug);
  if (entry !== undefined) return specOf(entry);
  const near = nearest(
    slug,
    listCatalogue().map((candidate) => candidate.slug),
  );
  const remedy =
    near === undefined
      ? `It has ${listCatalogue().length}, such as \`hubspot\`, \`customerio\` or \`google-sheets\`.`
      : `Did you mean \`catalogue:${near}\`?`;
  report(["type"], "value", `The catalogue has no destination \`${slug}\`.`, remedy);
  return undefined;
}

function checkSettings(definition: DestinationDefinition, spec: DestinationSpec, report: Report): void {
  const known = spec.settings.map((setting) => setting.name);
  for (const setting of spec.settings) {
    if (!setting.required || definition.settings[setting.name] !== undefined) continue;
    const remedy = `Add \`${setting.name}:\`${setting.secret ? " as `${ENV_NAME}`" : ""}${setting.description === undefined ? "" : ` (${firstSentence(setting.description)})`}.`;
    report(["settings"], "key", `${spec.title} needs the setting \`${setting.name}\`.`, remedy);
  }
  for (const name of Object.keys(definition.settings)) {
    // Only what looks like a slip: destinations may take settings that they do not list.
    const near = known.includes(name) ? undefined : nearest(name, known);
    if (near !== undefined && definition.settings[near] === undefined) {
      report(["settings", name], "key", `${spec.title} has no setting \`${name}\`.`, `Did you mean \`${near}\`?`);
    }
  }
}

function checkSync(sync: Sync, spec: DestinationSpec, report: Report): void {
  const names = spec.actions.map((action) => action.name);
  const action =
    sync.action === undefined
      ? (spec.actions.find((candidate) => candidate.modes.includes(sync.mode)) ?? spec.actions[0])
      : spec.actions.find((candidate) => candidate.name === sync.action);
  if (action === undefined) {
    report(["action"], "value", `${spec.title} has no action \`${sync.action ?? ""}\`.`, suggestion(sync.action ?? "", names, "actions"));
    return;
  }
  if (!action.modes.includes(sync.mode)) {
    const remedy = `It can ${action.modes.map((mode) => `\`${mode}\``).join(", ")}.`;
    report(["mode"], "value", `The action \`${action.name}\` of ${spec.title} cannot \`${sync.mode}\`.`, remedy);
  }
  checkFields(sync, action, spec, report);
}

function checkFields(sync: Sync, action: ActionSpec, spec: DestinationSpec, report: Report): void {
  const known = action.fields.map((field) => field.name);
  const mapped = new Set(Object.keys(sync.mapping).map((field) => field.split(".")[0] ?? field));
  const slips = new Map<string, string>();
  for (const field of Object.keys(sync.mapping)) {
    const name = field.split(".")[0] ?? field;
    // Only what looks like a slip of a field that nothing is mapped to: actions may take fields that they do not list.
    const near = known.includes(name) ? undefined : nearest(name, known);
    if (near === undefined || mapped.has(near)) continue;
    slips.set(near, field);
    report(
      ["mapping", field],
      "key",
      `The action \`${action.name}\` of ${spec.title} has no field \`${name}\`.`,
      `Did you mean \`${near}\`?`,
    );
  }
  for (const field of action.fields) {
    if (!field.required || mapped.has(field.name) || slips.has(field.name)) continue;
    const message = `The action \`${action.name}\` of ${spec.title} needs the field \`${field.name}\` (${field.label}).`;
    report(["mapping"], "key", message, `Map it: \`${field.name}: …\`.`);
  }
}

function firstSentence(text: string): string {
  return (/^[^.\n]+/.exec(text)?.[0] ?? text).trim();
}
