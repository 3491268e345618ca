import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { type Duplex, pipeline, Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { createGunzip } from "node:zlib";
import { parse as parseCsv } from "csv-parse";
import { CambiumError } from "../base/errors.js";

/**
 * Files as a stream of rows: JSON lines, one JSON array, or CSV, each plain or gzip. Memory is bounded by the longest
 * row; a row that cannot be read is data (`problem`), not an error.
 */
export const importFormats = ["jsonl", "json", "csv"] as const;
export type ImportFormat = (typeof importFormats)[number];

export type ImportRow =
  { readonly line: number; readonly row: Readonly<Record<string, unknown>> } | { readonly line: number; readonly problem: string };

/** Longest row, in characters. */
export const rowCharactersMax = 16_000_000;
const readBytes = 1 << 18;

/** The format by the file's name, `.gz` aside; `.json` may be an array or lines, its first character tells. */
export function formatOf(file: string): ImportFormat {
  const name = file.toLowerCase().replace(/\.gz$/, "");
  if (/\.(jsonl|ndjson)$/.test(name)) return "jsonl";
  if (name.endsWith(".json")) return "json";
  if (name.endsWith(".csv")) return "csv";
  throw new CambiumError(
    "BAD_REQUEST",
    `the name of ${file} does not say what it is: use .json, .jsonl, .ndjson or .csv, or give --format`,
  );
}

/** `onBytes` hears how many bytes of the file (compressed, if it is) have been read. */
export async function* readRows(file: string, format: ImportFormat, onBytes: (bytes: number) => void): AsyncGenerator<ImportRow> {
  const read = counted(createReadStream(file, { highWaterMark: readBytes }), onBytes);
  const bytes = (await isGzip(file)) ? through(read, createGunzip()) : read;
  if (format === "csv") yield* csvRows(bytes);
  else yield* jsonRows(bytes, format);
}

async function* counted(stream: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** What fails before the stream fails the stream, so whoever reads it hears; the callback has nothing left to do. */
function through<Stream extends Duplex>(from: AsyncIterable<Buffer>, stream: Stream): Stream {
  pipeline(Readable.from(from), stream, () => undefined);
  return stream;
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

async function* jsonRows(stream: AsyncIterable<Buffer>, format: "json" | "jsonl"): AsyncGenerator<ImportRow> {
  let number = 0;
  for await (const text of format === "jsonl" ? lines(stream) : elements(stream)) {
    number += 1;
    if (text === undefined) {
      yield { line: number, problem: `longer than ${rowCharactersMax} characters` };
      continue;
    }
    if (text.trim() === "") continue;
    yield { line: number, ...parsed(text) };
  }
}

function parsed(text: string): { row: Record<string, unknown> } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { problem: "not a JSON object" };
  return { row: value as Record<string, unknown> };
}

/** Lines of text; undefined for one that is too long. */
async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let tooLong = false;
  for await (const chunk of stream) {
    const parts = (rest + decoder.write(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      yield tooLong || part.length > rowCharactersMax ? undefined : part;
      tooLong = false;
    }
    if (rest.length > rowCharactersMax) {
      tooLong = true;
      rest = "";
    }
  }
  rest += decoder.end();
  if (tooLong || rest.length > rowCharactersMax) yield undefined;
  else if (rest !== "") yield rest;
}

/**
 * The elements of one top-level array, or objects that follow one another, as text. Counts brackets outside of strings;
 * what is between the elements (commas, white space, the array's own brackets) is skipped.
 */
async function* elements(stream: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  let depth = 0;
  let inString = false;
  let escaped = false;
  let inArray = false;
  let begun = false;
  for await (const chunk of stream) {
    const text = decoder.write(chunk);
    let start = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (inString) {
        if (escaped) escaped = false;
        else if (code === backslash) escaped = true;
        else if (code === quote) inString = false;
      } else if (code === quote) inString = true;
      else if (code === openBrace || code === openBracket) {
        if (code === openBracket && depth === 0 && !begun) {
          inArray = true;
          start = index + 1;
        } else depth += 1;
        begun = true;
      } else if (code === closeBrace || code === closeBracket) {
        if (depth === 0 && code === closeBracket && inArray) {
          // A last element that is no object: `[1]`.
          const last = pending + text.slice(start, index);
          if (last.trim() !== "") yield last.trim();
          pending = "";
          start = index + 1;
          inArray = false;
          continue;
        }
        depth -= 1;
        if (depth > 0) continue;
        yield (pending + text.slice(start, index + 1)).trim();
        pending = "";
        start = index + 1;
        depth = 0;
      } else if (depth === 0 && inArray && code === comma) {
        const simple = (pending + text.slice(start, index)).trim();
        if (simple !== "") yield simple;
        pending = "";
        start = index + 1;
      }
    }
    pending += text.slice(start);
    if (pending.length > rowCharactersMax) {
      yield undefined;
      return;
    }
  }
  pending += decoder.end();
  if (pending.trim() !== "") yield pending.trim();
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, comma] = [34, 92, 123, 125, 91, 93, 44];

/** A header line names the columns; dots nest (`properties.plan`), empty cells are left out. */
async function* csvRows(stream: AsyncIterable<Buffer>): AsyncGenerator<ImportRow> {
  const parser = through(
    stream,
    parseCsv({ columns: true, bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, max_record_size: rowCharactersMax }),
  );
  for await (const record of parser) {
    const row: Record<string, unknown> = {};
    for (const [column, cell] of Object.entries(record as Record<string, string>)) if (cell !== "") put(row, column.split("."), cell);
    yield { line: parser.info.lines, row };
  }
}

export function put(target: Record<string, unknown>, steps: readonly string[], value: unknown): void {
  let place = target;
  for (const step of steps.slice(0, -1)) {
    const inner = Object.hasOwn(place, step) ? place[step] : undefined;
    const next = typeof inner === "object" && inner !== null && !Array.isArray(inner) ? (inner as Record<string, unknown>) : {};
    define(place, step, next);
    place = next;
  }
  define(place, steps.at(-1) ?? "", value);
}

/** Plain assignment would call the setter of `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
