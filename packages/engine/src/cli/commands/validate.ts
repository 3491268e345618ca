import type { Command } from "commander";
import { placedProject, readProjectFiles } from "../../project/load-project.js";
import { projectInvalid } from "../../project/problem.js";
import type { Project } from "../../project/project.js";
import { destinationProblems } from "../destination-problems.js";
import { type CliContext, globalOptions } from "../context.js";
import { findProject } from "../find-project.js";
import { examples } from "../examples.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("validate")
    .description("check every definition of the project; name file, line and remedy of each problem")
    .addHelpText(
      "after",
      examples([
        ["cambium validate", "check the project in this folder"],
        ["cambium validate --project growth --json", "the same for a script or an editor: a list of problems with file, line and column"],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const placed = placedProject(await readProjectFiles(dir), dir);
      const { project } = placed;
      const problems = destinationProblems(placed);
      if (problems.length > 0) throw projectInvalid(problems);
      const counts = countsOf(project);
      if (options.json === true) {
        context.terminal.out(
          `${JSON.stringify({ ok: true, name: project.config.name, fingerprint: project.fingerprint, counts }, undefined, 2)}\n`,
        );
        return;
      }
      const parts = Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([what, count]) => `${count} ${count === 1 ? what.replace(/s$/, "") : what}`);
      context.terminal.out(`${context.terminal.colors.green("✓")} ${project.config.name} is valid: ${parts.join(", ")}.\n`);
    });
}

function countsOf(project: Project): Record<string, number> {
  const { entities, sources, traits, scores, audiences, models, destinations, syncs, lists } = project;
  return {
    "entity kinds": entities.length,
    sources: sources.length,
    traits: traits.length,
    scores: scores.length,
    audiences: audiences.length,
    models: models.length,
    destinations: destinations.length,
    syncs: syncs.length,
    lists: lists.size,
  };
}
