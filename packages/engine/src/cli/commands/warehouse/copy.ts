import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { CambiumError } from "../../../base/errors.js";
import { loadProject } from "../../../project/load-project.js";
import type { Project } from "../../../project/project.js";
import { refuseUnfinishedCopy } from "../../../run/copy/copy-state.js";
import { type CopyResult, copyWarehouse } from "../../../run/copy/copy-warehouse.js";
import { type CopyPlan, planCopy } from "../../../run/copy/plan-copy.js";
import {
  type WarehouseSettings,
  openWarehouse,
  readingOnly,
  targetNamed,
  warehouseFile,
  warehouseLine,
  warehouseNamed,
  warehouseNames,
  warehouseTitle,
} from "../../../warehouse/open-warehouse.js";
import type { Warehouse } from "../../../warehouse/warehouse.js";
import { type CliContext, globalOptions } from "../../context.js";
import { examples } from "../../examples.js";
import { exitCodes } from "../../exit-codes.js";
import { findProject } from "../../find-project.js";
import { placeOf, settingsOf, withWarehouse } from "../../open-local.js";
import { progressOn } from "../../progress.js";
import { serverInfo } from "../../server-client.js";
import { CopyBars } from "./copy-bars.js";
import { planText, resultText } from "./copy-text.js";

interface OwnOptions {
  readonly to: string;
  readonly from?: string;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
}

interface Request {
  readonly project: Project;
  readonly from: WarehouseSettings;
  readonly to: WarehouseSettings;
  readonly replace: boolean;
  readonly scratchDir: string;
}

export function register(group: Command, context: CliContext): void {
  group
    .command("copy")
    .description("copy everything to another warehouse, of the same engine or another; the engine there goes on where this one stopped")
    .requiredOption("--to <warehouse>", warehouseNames)
    .option("--from <warehouse>", "another source than the warehouse of cambium.yml")
    .option("--replace", "drop what is in the target first")
    .option("--dry-run", "list tables and rows, and copy nothing")
    .addHelpText(
      "after",
      examples([
        ["cambium warehouse copy --to 'https://cambium@ch.example.com:8443/shop_' --dry-run", "what would be copied"],
        ["cambium warehouse copy --to 'https://cambium@ch.example.com:8443/shop_'", "to a server; after a break the same command goes on"],
        ["cambium warehouse copy --to backup.db", "to a database file"],
      ]),
    )
    .action(async (own: OwnOptions, command: Command) => {
      const isJson = globalOptions(command).json === true;
      const dir = findProject(context, globalOptions(command));
      const request = requestOf(await loadProject(dir), own, context);
      const { out } = context.terminal;
      // Only looks: a mistyped name makes nothing, and nobody's lease is taken for it.
      await withWarehouse(request.from, refuseUnfinishedCopy);
      if (own.dryRun === true) {
        const plan = await plannedOnly(request);
        out(isJson ? jsonText(plan) : planText(plan, context.terminal));
        return;
      }
      await refuseRunning(dir);
      const result = await copied(request, context, isJson);
      out(isJson ? jsonText(result) : resultText(result, warehouseLine(request.to, dir), context.terminal));
      if (!result.equal) context.exitWith(exitCodes.failed);
    });
}

function requestOf(project: Project, own: OwnOptions, { cwd, env }: CliContext): Request {
  const config = project.config.warehouse;
  const place = { ...placeOf(project), cwd };
  const from = own.from === undefined ? settingsOf(project, env) : warehouseNamed(own.from, config, place, env);
  const scratchDir = path.join(place.scratchDir, "copy");
  const to = targetNamed(own.to, config, { ...place, scratchDir: path.join(scratchDir, "target") }, env);
  if (warehouseTitle(from) === warehouseTitle(to))
    throw new CambiumError("BAD_REQUEST", `Source and target are the same warehouse: ${warehouseTitle(from)}.`);
  return { project, from, to, replace: own.replace === true, scratchDir: path.join(scratchDir, "pieces") };
}

async function refuseRunning(dir: string): Promise<void> {
  const info = await serverInfo(dir);
  if (info !== undefined)
    throw new CambiumError("WAREHOUSE_LOCKED", `The project is running at ${info.url}, and what it writes meanwhile would be missing.`);
}

/** Opens the target only if it is there: looking leaves nothing behind. */
function plannedOnly({ project, from, to, replace }: Request): Promise<CopyPlan> {
  const options = { replace };
  const file = warehouseFile(to);
  return opened(readingOnly(from), (source) =>
    file !== undefined && !existsSync(file)
      ? planCopy(project, source, undefined, options)
      : opened(readingOnly(to), (target) => planCopy(project, source, target, options)),
  );
}

/**
 * The source is opened for writing as well, though nothing is written to it but that: whoever held its lease is stopped, and
 * what that one had committed is published whole.
 */
async function copied(
  { project, from, to, replace, scratchDir }: Request,
  { terminal, clock }: CliContext,
  quiet: boolean,
): Promise<CopyResult> {
  const progress = progressOn(terminal, quiet);
  const bars = new CopyBars((title, total, unit) => progress.task(title, total, unit));
  try {
    const result = await opened(from, (source) =>
      opened(to, (target) => copyWarehouse({ source, target, project, clock, scratchDir, replace, onProgress: (at) => bars.tell(at) })),
    );
    bars.done();
    return result;
  } finally {
    progress.stop();
  }
}

async function opened<T>(settings: WarehouseSettings, work: (side: { warehouse: Warehouse; name: string }) => Promise<T>): Promise<T> {
  const warehouse = await openWarehouse(settings);
  try {
    return await work({ warehouse, name: warehouseTitle(settings) });
  } finally {
    await warehouse.close();
  }
}

function jsonText(answer: CopyPlan | CopyResult): string {
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}
