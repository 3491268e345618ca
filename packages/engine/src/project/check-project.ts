import { checkAudienceDefinition } from "./checks/audiences.js";
import { checkConfig } from "./checks/config.js";
import { checkDestination } from "./checks/destinations.js";
import { checkEventSpelling } from "./checks/event-spelling.js";
import { knownOf } from "./checks/known.js";
import { checkModelNames, checkNames } from "./checks/names.js";
import { checkScore } from "./checks/scores.js";
import { checkSync } from "./checks/syncs.js";
import { checkTraitDefinition } from "./checks/traits.js";
import { type Node, cyclesOf, nodeId } from "./graph.js";
import type { Definitions, Files } from "./parse-definitions.js";
import type { Models } from "./parse-models.js";
import { type Problem, capital, suggestion } from "./problem.js";

/** Everything that one definition alone cannot know about itself. */
export function checkProject(files: Files, definitions: Definitions, models: Models): Problem[] {
  const problems: Problem[] = [];
  const known = knownOf(
    definitions,
    models.models.map(({ model }) => model.name),
    problems,
  );
  const { placed } = definitions;
  if (definitions.config !== undefined) checkConfig(known, definitions.config);
  checkNames(known, placed);
  checkModelNames(models.models, problems);
  for (const at of placed.trait) checkTraitDefinition(known, at);
  for (const at of placed.score) checkScore(known, at);
  for (const at of placed.audience) checkAudienceDefinition(known, at, files, problems);
  for (const at of placed.destination) checkDestination(known, at);
  for (const at of placed.sync) checkSync(known, at, models.models);
  checkEventSpelling(known, placed);
  checkModelRefs(models, problems);
  checkCycles(definitions, models, problems);
  return problems;
}

function checkModelRefs(models: Models, problems: Problem[]): void {
  const names = models.models.map(({ model }) => model.name);
  for (const { file, refs } of models.models) {
    for (const { name, line, column } of refs) {
      if (names.includes(name)) continue;
      problems.push({ file, line, column, path: "", message: `There is no model \`${name}\`.`, remedy: suggestion(name, names, "models") });
    }
  }
}

function checkCycles(definitions: Definitions, models: Models, problems: Problem[]): void {
  const { placed } = definitions;
  const cycles = cyclesOf({
    traits: placed.trait.map(({ definition }) => definition),
    scores: placed.score.map(({ definition }) => definition),
    audiences: placed.audience.map(({ definition }) => definition),
    models: models.models.map(({ model }) => model),
    destinations: [],
    syncs: [],
  });
  for (const cycle of cycles) {
    const circle = cycle.map(nodeId).join(" → ");
    const message =
      cycle.length === 2 ? `${nodeId(cycle[0] as Node)} reads itself.` : `These definitions read each other in a circle: ${circle}.`;
    problems.push({ ...placeOf(cycle[0] as Node), path: "", message: capital(message), remedy: "Take one of these references out." });
  }

  function placeOf(node: Node): { file: string; line: number; column: number } {
    if (node.type === "model") {
      return { file: models.models.find(({ model }) => model.name === node.name)?.file ?? "models", line: 1, column: 1 };
    }
    const candidates = node.type === "destination" ? [] : placed[node.type];
    const at = candidates.find(({ definition }) => definition.name === node.name);
    return at?.place([]) ?? { file: "cambium.yml", line: 1, column: 1 };
  }
}
