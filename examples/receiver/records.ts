import { createWriteStream, renameSync, type WriteStream } from "node:fs";

/** Requests as they came: the newest in memory, and all of them in a file of JSON lines where one is wanted. */
export interface RequestRecord {
  readonly number: number;
  readonly at: string;
  readonly tool: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: number;
  /** 0 where the connection was cut on purpose. */
  readonly status: number;
  readonly answer: string;
}

const requestsMax = 500;
const bodyCharactersMax = 20_000;
const fileBytesMax = 100_000_000;
const hidden = /^(authorization|cookie|x-api-key|api-key)$/;

export function requestRecords(file: string | undefined) {
  const newest: RequestRecord[] = [];
  let stream: WriteStream | undefined = file === undefined ? undefined : createWriteStream(file, { flags: "a" });
  let fileBytes = 0;
  let count = 0;
  const write = (line: string) => {
    if (file === undefined || stream === undefined) return;
    fileBytes += line.length;
    if (fileBytes > fileBytesMax) {
      stream.end();
      renameSync(file, `${file}.1`);
      stream = createWriteStream(file, { flags: "a" });
      fileBytes = line.length;
    }
    stream.write(line);
  };
  return {
    add(record: Omit<RequestRecord, "number">): void {
      count += 1;
      const headers = Object.fromEntries(
        Object.entries(record.headers).map(([header, value]) => [header, hidden.test(header) ? "…" : value]),
      );
      const whole = { ...record, headers, number: count };
      write(`${JSON.stringify(whole)}\n`);
      newest.push({ ...whole, body: record.body.slice(0, bodyCharactersMax), answer: record.answer.slice(0, bodyCharactersMax) });
      if (newest.length > requestsMax) newest.shift();
    },
    count: () => count,
    newest: (): readonly RequestRecord[] => newest,
    async close(): Promise<void> {
      const last = stream;
      if (last !== undefined) await new Promise<void>((resolve) => void last.end(resolve));
    },
  };
}
