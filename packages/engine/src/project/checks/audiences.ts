import { normalPath, readList } from "../manual-list.js";
import type { Audience } from "../kinds/audience.js";
import type { Files, Placed } from "../parse-definitions.js";
import { type Problem, suggestion } from "../problem.js";
import { checkCondition } from "./condition.js";
import { type Known, checkKind } from "./known.js";

export function checkAudienceDefinition(known: Known, at: Placed<Audience>, files: Files, problems: Problem[]): void {
  const audience = at.definition;
  if (checkKind(known, at, ["entity"], audience.entity)) {
    checkCondition(known, { at, entity: audience.entity, within: "audience" }, ["where"], audience.where);
  }
  for (const key of ["include", "exclude"] as const) {
    audience[key]?.forEach((list, index) => checkList(known, at, [key, index], list, files, problems));
  }
  audience.include?.forEach((list, index) => {
    if (audience.exclude?.some((other) => normalPath(other) === normalPath(list)) === true) {
      known.report(at, ["include", index], `\`${list}\` is both included and excluded; exclusion wins.`, "Keep one of the two.");
    }
  });
}

function checkList(
  known: Known,
  at: Placed<Audience>,
  path: readonly PropertyKey[],
  list: string,
  files: Files,
  problems: Problem[],
): void {
  const text = files[normalPath(list)];
  if (text === undefined) {
    const lists = Object.keys(files).filter((file) => file.toLowerCase().endsWith(".csv"));
    const remedy =
      lists.length === 0
        ? "Create it: a CSV file with a column `id`, its path seen from the project's folder."
        : suggestion(list, lists, "lists");
    known.report(at, path, `There is no file \`${list}\` in the project.`, remedy);
    return;
  }
  const { problem } = readList(text);
  const isNew = !problems.some((other) => other.file === normalPath(list));
  if (problem !== undefined && isNew) {
    problems.push({ file: normalPath(list), line: problem.line, column: 1, path: "", message: problem.message, remedy: problem.remedy });
  }
}
