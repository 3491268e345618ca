import { stat } from "node:fs/promises";
import { CambiumError, messageOf } from "../base/errors.js";
import { formatOf, type ImportFormat, readRows } from "./import-rows.js";
import type { ImportMapping } from "./import-mapping.js";
import type { SendProgress } from "./send-batches.js";

/**
 * `cambium import`: files of foreign rows → Segment messages → the collector's HTTP endpoint, streaming and bounded. A row
 * that cannot be read or mapped is counted and shown, and never stops the file.
 */
export interface ImportOptions {
  readonly files: readonly string[];
  /** By the file's name unless said. */
  readonly format?: ImportFormat;
  readonly mapping: ImportMapping;
  /** Delivers messages (JSON text) and says how many were taken: `(messages) => sendBatches(messages, { url, writeKey })`. */
  send(messages: AsyncIterable<string>): Promise<SendProgress>;
  onProgress?(progress: ImportProgress): void;
}

export interface ImportProgress {
  readonly file: string;
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly rows: number;
  readonly messages: number;
  readonly rejected: number;
}

export interface ImportSummary {
  readonly files: number;
  readonly rows: number;
  /** Messages that the rows gave, and those that the collector took. */
  readonly messages: number;
  readonly sent: number;
  /** Rows for which no entry of the mapping held. */
  readonly skipped: number;
  readonly rejected: number;
  /** The first rows that could not be read or mapped, and why. */
  readonly problems: readonly { readonly file: string; readonly line: number; readonly reason: string }[];
  readonly retries: number;
}

const problemsShownMax = 20;
const progressEveryRows = 500;

export async function importFiles(options: ImportOptions): Promise<ImportSummary> {
  const { files, mapping } = options;
  const sources = await Promise.all(files.map((file) => sourceOf(file, options.format)));
  const bytesTotal = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = { rows: 0, messages: 0, skipped: 0, rejected: 0 };
  const problems: { file: string; line: number; reason: string }[] = [];
  let bytesRead = 0;

  const reject = (file: string, line: number, reason: string): void => {
    count.rejected += 1;
    if (problems.length < problemsShownMax) problems.push({ file, line, reason });
  };
  const report = (file: string): void => options.onProgress?.({ file, bytesRead, bytesTotal, ...count });

  async function* messages(): AsyncGenerator<string> {
    for (const { file, format } of sources) {
      for await (const read of readRows(file, format, (bytes) => (bytesRead += bytes))) {
        count.rows += 1;
        if (count.rows % progressEveryRows === 0) report(file);
        if ("problem" in read) {
          reject(file, read.line, read.problem);
          continue;
        }
        let made: Record<string, unknown>[];
        try {
          made = mapping.messagesOf(read.row);
        } catch (error) {
          reject(file, read.line, messageOf(error));
          continue;
        }
        if (made.length === 0) count.skipped += 1;
        for (const message of made) {
          count.messages += 1;
          yield JSON.stringify(message);
        }
      }
      report(file);
    }
  }

  const { messages: sent, retries } = await options.send(messages());
  return { files: files.length, ...count, sent, problems, retries };
}

async function sourceOf(file: string, format: ImportFormat | undefined): Promise<{ file: string; format: ImportFormat; bytes: number }> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined || !found.isFile()) throw new CambiumError("NOT_FOUND", `there is no file ${file}`);
  return { file, format: format ?? formatOf(file), bytes: found.size };
}
