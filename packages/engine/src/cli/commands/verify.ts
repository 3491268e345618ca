import type { Command } from "commander";
import { checkLedger } from "../../observe/ledger.js";
import { loadProject } from "../../project/load-project.js";
import { typedInUse } from "../../run/typed-in-use.js";
import { verify } from "../../run/verify.js";
import { verifyAnswerOf } from "../../server/answers.js";
import { type VerifyAnswer, verifyAnswer } from "../../server/contract.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject } from "../find-project.js";
import { withLocalWarehouse } from "../open-local.js";
import { connectTo, serverInfo } from "../server-client.js";

export function register(program: Command, context: CliContext): void {
  program
    .command("verify")
    .description("compute everything again from raw events and compare it with what the loop keeps")
    .option("--kind <kind>", "only one kind of entity")
    .addHelpText(
      "after",
      examples([
        ["cambium verify", "identity, traits, scores and audiences of every kind"],
        ["cambium verify --kind account", "of accounts alone"],
      ]),
    )
    .action(async (own: { kind?: string }, command: Command) => {
      const options = globalOptions(command);
      const dir = findProject(context, options);
      const info = await serverInfo(dir);
      context.terminal.err("Computing everything again from raw events …\n");
      const answer =
        info === undefined ? await verifyLocally(dir, own.kind, context) : await connectTo(info).post(verifyAnswer, "/api/verify", own);
      if (options.json === true) context.terminal.out(`${JSON.stringify(answer, undefined, 2)}\n`);
      else show(answer, context);
      if (!answer.ok) context.exitWith(exitCodes.checkFailed);
    });
}

async function verifyLocally(dir: string, kind: string | undefined, { env }: CliContext): Promise<VerifyAnswer> {
  const project = await loadProject(dir);
  return withLocalWarehouse(project, env, async (connection, warehouse) =>
    verifyAnswerOf(
      await verify(warehouse, connection, project, { kind, typed: await typedInUse(connection, project) }),
      await checkLedger(connection),
    ),
  );
}

function show(answer: VerifyAnswer, { terminal }: CliContext): void {
  const { green, red, bold, dim } = terminal.colors;
  for (const check of answer.checks) {
    const words = check.sentence.includes(check.title) ? check.sentence : `${check.title}: ${check.sentence}`;
    terminal.out(`${check.ok ? green("✓") : red("✗")} ${words}\n`);
    for (const example of check.examples) terminal.out(dim(`    ${JSON.stringify(example)}\n`));
  }
  const sentence = answer.ok ? green(bold("Incremental equals full.")) : red(bold("Incremental and full differ."));
  terminal.out(`${sentence} ${dim(`${answer.seconds.toFixed(1)} s`)}\n`);
}
