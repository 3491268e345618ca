import { createReadStream } from "node:fs";
import readline from "node:readline";
import { type FileFormat, type FileRow, writeLines } from "./format.js";

/** One JSON object a line, nested as the mapping nests. */
export const jsonlFormat: FileFormat = {
  ending: "jsonl",
  async *read(file) {
    const lines = readline.createInterface({ input: createReadStream(file), crlfDelay: Infinity });
    for await (const line of lines) if (line !== "") yield JSON.parse(line) as FileRow;
  },
  write: (file, rows) => writeLines(file, linesOf(rows)),
};

async function* linesOf(rows: AsyncIterable<FileRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}
