import type { Command } from "commander";
import type { Explanation } from "../../base/explanation.js";
import { findEntity } from "../../identify/find-entity.js";
import { loadProject } from "../../project/load-project.js";
import { suggestion } from "../../project/problem.js";
import type { Project } from "../../project/project.js";
import { explain } from "../../run/explain.js";
import { typedInUse } from "../../run/typed-in-use.js";
import { explanation } from "../../server/contract.js";
import { CambiumError } from "../../base/errors.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { explanationText } from "../explanation-text.js";
import { findProject } from "../find-project.js";
import { withLocalWarehouse } from "../open-local.js";
import { connectTo, serverInfo } from "../server-client.js";

interface Own {
  readonly trait?: string;
  readonly score?: string;
  readonly audience?: string;
  readonly sync?: string;
}

export function register(program: Command, context: CliContext): void {
  program
    .command("explain")
    .description("say why a value is what it is, back to the events")
    .argument("<kind>", "user, workspace, account or another kind of the project")
    .argument("<id>", "its id; for users also an e-mail or anonymous id")
    .option("--trait <name>", "one trait")
    .option("--score <name>", "one score with every component")
    .option("--audience <name>", "in or not in an audience, condition by condition")
    .option("--sync <name>", "what a sync sent")
    .addHelpText(
      "after",
      examples([
        ["cambium explain workspace ws_17 --score workspace_activation", "every component of a score and the events under it"],
        ["cambium explain user ada@example.com --audience power_users", "why somebody is not in an audience, and by how much"],
        ["cambium explain account acme --json", "everything about an account, for a script"],
      ]),
    )
    .action(async (kind: string, id: string, own: Own, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      checkNames(await loadProject(dir), kind, own);
      const info = await serverInfo(dir);
      const tree: Explanation =
        info === undefined
          ? await explainLocally(dir, kind, id, own, context)
          : await connectTo(info).get(explanation, `/api/entities/${encodeURIComponent(kind)}/${encodeURIComponent(id)}/explain`, {
              ...own,
            });
      context.terminal.out(
        options.json === true ? `${JSON.stringify(tree, undefined, 2)}\n` : `${explanationText(tree, context.terminal)}\n`,
      );
    });
}

async function explainLocally(dir: string, kind: string, id: string, own: Own, { env }: CliContext): Promise<Explanation> {
  const project = await loadProject(dir);
  return withLocalWarehouse(project, env, async (connection) => {
    const found = await findEntity(connection, kind, id);
    if (found === undefined) throw new CambiumError("NOT_FOUND", `There is no ${kind} with the id ${id}.`);
    return explain(
      connection,
      project,
      { kind, entityId: found, trait: own.trait, score: own.score, audience: own.audience, sync: own.sync },
      await typedInUse(connection, project),
    );
  });
}

/** Names that no definition has, with those that were meant. */
function checkNames(project: Project, kind: string, own: Own): void {
  const unknown = (what: string, name: string, known: readonly string[]) => {
    if (known.includes(name)) return;
    throw new CambiumError(
      "NOT_FOUND",
      `There is no ${what} \`${name}\`. ${suggestion(name, known, what.replace(/^(entity kind|\w+)/, "$1s"))}`,
    );
  };
  unknown(
    "entity kind",
    kind,
    project.entities.map((entity) => entity.kind),
  );
  const of = (definitions: readonly { readonly name: string; readonly entity: string | string[] }[]) =>
    definitions.filter(({ entity }) => [entity].flat().includes(kind)).map(({ name }) => name);
  if (own.trait !== undefined) unknown(`trait of ${kind}`, own.trait, of(project.traits));
  if (own.score !== undefined) unknown(`score of ${kind}`, own.score, of(project.scores));
  if (own.audience !== undefined) unknown(`audience of ${kind}`, own.audience, of(project.audiences));
  if (own.sync !== undefined) {
    unknown(
      "sync",
      own.sync,
      project.syncs.map(({ name }) => name),
    );
  }
}
