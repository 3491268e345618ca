import { open, rename, rm } from "node:fs/promises";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { CambiumError, messageOf } from "../../../base/errors.js";
import { hash64 } from "../../../base/hash.js";
import { isoOf } from "../../../base/instant.js";
import type { DeliveryContext, Destination, DestinationRow, RowOutcome } from "../../destination.js";
import { turns } from "../../../base/turns.js";
import { csvFormat } from "./csv.js";
import type { FileFormat, FileRow } from "./format.js";
import { jsonlFormat } from "./jsonl.js";
import { parquetFormat } from "./parquet.js";
import { fileSpec } from "./spec.js";

/**
 * Rows as CSV, JSON lines or Parquet files. A file is complete or not there: it is written beside its place, forced to
 * disk and renamed. Keeping one file costs its whole length at each delivery: beyond a million rows add files of changes.
 */
export function fileDestination(parts: { readonly projectDir: string }): Destination {
  const formats: Readonly<Record<string, FileFormat>> = { csv: csvFormat, jsonl: jsonlFormat, parquet: parquetFormat };
  const byFile = new Map<string, ReturnType<typeof turns>>();
  const inTurn = (file: string) => {
    const known = byFile.get(file) ?? turns();
    byFile.set(file, known);
    return known;
  };
  return {
    spec: fileSpec,
    async verify(context) {
      const { folder } = placeOf(parts.projectDir, formats, context);
      try {
        await mkdir(folder, { recursive: true });
      } catch (thrown) {
        throw new CambiumError("DESTINATION_UNAVAILABLE", `${folder} cannot be made: ${messageOf(thrown)}`, { cause: thrown });
      }
    },
    async deliver(rows, context) {
      const { folder, name, format } = placeOf(parts.projectDir, formats, context);
      const file =
        context.action === "changes"
          ? path.join(folder, name, `${batchName(rows, context)}.${format.ending}`)
          : path.join(folder, `${name}.${format.ending}`);
      if (context.dryRun) return dry(rows, context, file);
      try {
        await inTurn(file)(async () => {
          await mkdir(path.dirname(file), { recursive: true });
          const written =
            context.action === "changes" ? changesOf(rows) : mergedWith(rows, (await exists(file)) ? format.read(file) : nothing());
          await replaceFile(file, (temporary) => format.write(temporary, written));
        });
      } catch (thrown) {
        return rows.map(() => ({ outcome: "retry", reason: `${file}: ${messageOf(thrown)}` }));
      }
      return rows.map(() => ({ outcome: "delivered" }));
    },
  };
}

function placeOf(projectDir: string, formats: Readonly<Record<string, FileFormat>>, context: DeliveryContext) {
  const folder = context.settings["path"];
  const named = context.settings["format"] ?? "csv";
  const format = typeof named === "string" ? formats[named] : undefined;
  if (typeof folder !== "string" || folder === "")
    throw new CambiumError("PROJECT_INVALID", "a file destination needs settings.path, a folder");
  if (format === undefined)
    throw new CambiumError("PROJECT_INVALID", `a file destination writes csv, jsonl or parquet, not ${String(named)}`);
  const name = context.settings["file"] ?? context.sync;
  if (typeof name !== "string" || path.basename(name) !== name)
    throw new CambiumError("PROJECT_INVALID", "settings.file is a name without folders");
  return { folder: path.resolve(projectDir, folder), name, format };
}

/** The same rows have the same name: a batch that is sent again replaces its file. */
function batchName(rows: readonly DestinationRow[], context: DeliveryContext): string {
  const day = isoOf(context.now).slice(0, 10);
  return `${day}-${hash64(rows.map((row) => row.idempotencyKey).join(" "))}`;
}

function dry(rows: readonly DestinationRow[], context: DeliveryContext, file: string): RowOutcome[] {
  const body = rows.map((row) => JSON.stringify({ _key: row.key, _change: row.change, ...row.fields })).join("\n");
  context.trace({
    requestId: `dry-${hash64(file + body)}`,
    method: "WRITE",
    url: `file://${file}`,
    requestHeaders: {},
    requestBody: body,
    millis: 0,
  });
  return rows.map(() => ({ outcome: "skipped", reason: "dry run" }));
}

async function* changesOf(rows: readonly DestinationRow[]): AsyncGenerator<FileRow> {
  for (const row of rows) yield Promise.resolve({ _key: row.key, _change: row.change, ...row.fields });
}

/** The file's rows without those of the batch, then the batch's rows that stay. */
async function* mergedWith(rows: readonly DestinationRow[], existing: AsyncIterable<FileRow>): AsyncGenerator<FileRow> {
  const incoming = new Map(rows.map((row) => [row.key, row]));
  for await (const row of existing) {
    const replaced = incoming.get(String(row["_key"]));
    if (replaced === undefined) yield row;
    else if (replaced.change !== "remove") {
      yield { _key: replaced.key, ...replaced.fields };
      incoming.delete(replaced.key);
    }
  }
  for (const row of incoming.values()) if (row.change !== "remove") yield { _key: row.key, ...row.fields };
}

async function* nothing(): AsyncGenerator<FileRow> {
  // A file that does not exist has no rows.
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function replaceFile(file: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${file}.part`;
  try {
    await write(temporary);
    await syncToDisk(temporary);
    await rename(temporary, file);
    await syncToDisk(path.dirname(file));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function syncToDisk(place: string): Promise<void> {
  const handle = await open(place, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
