import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** One file format: reading what a file holds and writing a new one, row by row. */
export type FileRow = Readonly<Record<string, unknown>>;

export interface FileFormat {
  readonly ending: string;
  read(file: string): AsyncIterable<FileRow>;
  write(file: string, rows: AsyncIterable<FileRow>): Promise<void>;
}

/** Lines to a file, in chunks, waiting for the disk. */
export async function writeLines(file: string, lines: AsyncIterable<string>): Promise<void> {
  await pipeline(Readable.from(chunked(lines), { objectMode: true }), createWriteStream(file));
}

const chunkCharacters = 256_000;

async function* chunked(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = "";
  for await (const line of lines) {
    chunk += line;
    if (chunk.length >= chunkCharacters) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}
