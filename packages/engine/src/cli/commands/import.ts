import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { CambiumError } from "../../base/errors.js";
import { startCollector } from "../../collect/collector.js";
import { type RunningCollector, readJson, runningFile } from "../../collect/collector-file.js";
import { importFiles, type ImportSummary } from "../../collect/import-files.js";
import { type ImportMapping, importMapping, segmentMapping } from "../../collect/import-mapping.js";
import { type ImportFormat, importFormats } from "../../collect/import-rows.js";
import { sendBatches } from "../../collect/send-batches.js";
import { loadProject } from "../../project/load-project.js";
import type { Project } from "../../project/project.js";
import { type CliContext, globalOptions } from "../context.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";
import { findProject, stateDir } from "../find-project.js";
import { progressOn } from "../progress.js";

interface OwnOptions {
  readonly mapping: string;
  readonly format?: string;
  readonly source?: string;
  readonly url?: string;
}

export function register(program: Command, context: CliContext): void {
  program
    .command("import")
    .description("send files of events to the collector: JSON, JSON lines or CSV, plain or gzip")
    .argument("<files...>", "files; their order is the order of sending")
    .option("-m, --mapping <file>", "`segment` for Segment messages, or a YAML file that says how rows become messages", "segment")
    .option("-f, --format <format>", `${importFormats.join(", ")} (else by the file's name)`)
    .option("-s, --source <name>", "the source of sources/*.yml that sends (else the first)")
    .option("--url <url>", "a collector elsewhere (else the running one, else one only for this import)")
    .addHelpText(
      "after",
      examples([
        ["cambium import events.jsonl.gz", "Segment messages, one a line"],
        ["cambium import --mapping imports/gharchive.yml 2015-01-01-*.json.gz", "foreign rows, by a mapping"],
        ["cambium import --source crm deals.csv", "CSV whose columns are paths: type, userId, properties.amount"],
      ]),
    )
    .action(async (files: string[], own: OwnOptions, command: Command) => {
      const options = globalOptions(command);
      const { terminal } = context;
      const dir = findProject(context, options);
      const project = await loadProject(dir);
      const mapping = await mappingOf(own.mapping, context);
      const format = formatOption(own.format);
      const writeKey = writeKeyOf(project, own.source);
      const collector =
        own.url === undefined ? await collectorOf(project, stateDir(dir)) : { url: own.url, own: false, close: async () => {} };
      const progress = progressOn(terminal, options.json === true);
      const task = progress.task("Importing", 100, "%");
      let summary: ImportSummary;
      try {
        summary = await importFiles({
          files: files.map((file) => path.resolve(context.cwd, file)),
          ...(format !== undefined && { format }),
          mapping,
          send: (messages) => sendBatches(messages, { url: collector.url, writeKey, path: "/v1/import" }),
          onProgress: ({ bytesRead, bytesTotal }) => task.at(Math.round((100 * bytesRead) / Math.max(1, bytesTotal))),
        });
        task.done();
      } finally {
        progress.stop();
        await collector.close();
      }
      if (options.json === true) terminal.out(`${JSON.stringify(summary, undefined, 2)}\n`);
      else show(summary, collector.own, context);
      if (summary.rejected > 0) context.exitWith(exitCodes.checkFailed);
    });
}

async function mappingOf(name: string, context: CliContext): Promise<ImportMapping> {
  if (name === "segment") return segmentMapping;
  const file = path.resolve(context.cwd, name);
  const text = await readFile(file, "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") throw new CambiumError("NOT_FOUND", `There is no mapping file ${file}.`);
    throw thrown;
  });
  return importMapping(text, name);
}

function formatOption(name: string | undefined): ImportFormat | undefined {
  const found = importFormats.find((format) => format === name);
  if (name !== undefined && found === undefined) {
    throw new CambiumError("BAD_REQUEST", `There is no format ${name}; there are ${importFormats.join(", ")}.`);
  }
  return found;
}

function writeKeyOf(project: Project, name: string | undefined): string {
  const enabled = project.sources.filter((source) => source.enabled);
  const source = name === undefined ? enabled[0] : enabled.find((candidate) => candidate.name === name);
  const writeKey = source?.write_keys[0];
  if (writeKey !== undefined) return writeKey;
  const known = enabled.map((candidate) => candidate.name).join(", ");
  throw new CambiumError(
    "NOT_FOUND",
    name === undefined ? "The project has no enabled source." : `There is no enabled source ${name}; there are: ${known}.`,
  );
}

/** The project's running collector, or one of our own that fills the same spool and ends with the import. */
async function collectorOf(project: Project, state: string): Promise<{ url: string; own: boolean; close(): Promise<void> }> {
  const spoolDir = path.join(state, "spool");
  const running = await readJson<RunningCollector>(runningFile(spoolDir));
  if (running !== undefined && (await answers(running))) return { url: running.url, own: false, close: async () => {} };
  const sources = project.sources.filter((source) => source.enabled).map((source) => ({ name: source.name, writeKeys: source.write_keys }));
  const collector = await startCollector({ spoolDir, sources, spoolBytesMax: project.config.collector.spool_bytes_max });
  return { url: collector.url, own: true, close: () => collector.close() };
}

async function answers({ url, node }: RunningCollector): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) });
    return ((await answer.json()) as { node?: string }).node === node;
  } catch {
    return false;
  }
}

function show(summary: ImportSummary, own: boolean, { terminal }: CliContext): void {
  const count = (many: number) => many.toLocaleString("en");
  terminal.out(`${count(summary.sent)} messages of ${count(summary.rows)} rows were accepted.\n`);
  if (summary.skipped > 0) terminal.out(`${count(summary.skipped)} rows gave no message: no \`when\` of the mapping held.\n`);
  if (summary.rejected > 0) {
    terminal.out(`${count(summary.rejected)} rows could not be used:\n`);
    for (const { file, line, reason } of summary.problems) terminal.out(`  ${path.basename(file)}:${line}  ${reason}\n`);
    const more = summary.rejected - summary.problems.length;
    if (more > 0) terminal.out(terminal.colors.dim(`  … and ${count(more)} more\n`));
  }
  if (own) terminal.out(terminal.colors.dim("They wait in the spool: `cambium run` or `cambium up` takes them in.\n"));
}
