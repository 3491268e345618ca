import type { Definitions, Files } from "./parse-definitions.js";
import type { Models } from "./parse-models.js";
import type { Problem } from "./problem.js";

/** Everything that one definition alone cannot know about itself. */
export function checkProject(_files: Files, _definitions: Definitions, _models: Models): Problem[] {
  return [];
}
