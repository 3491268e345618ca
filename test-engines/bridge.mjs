/**
 * A ClickHouse server for tests: the real engine (chdb, in this process) behind the part of ClickHouse's HTTP protocol that
 * the official client speaks. One statement at a time, since the embedded engine has one session: good for what SQL means,
 * no evidence for clusters, replication, rights or speed under concurrency.
 *
 *   node bridge.mjs [--port 8123] [--data DIR] [--password SECRET] [--log FILE] [--cluster NAME]
 *
 * The log has a line of JSON a statement, with its milliseconds: the embedded engine has no system.query_log.
 * With a cluster's name it plays the one node of a cluster: see `one-node-cluster.mjs`.
 * Prints `listening http://127.0.0.1:PORT` and ends when its standard input does (given `--attached`) or on SIGTERM.
 */
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import { Session } from "chdb";
import { asOnOneNode, configOf } from "./one-node-cluster.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    data: { type: "string" },
    password: { type: "string", default: "" },
    attached: { type: "boolean", default: false },
    log: { type: "string" },
    cluster: { type: "string" },
  },
});
const scratch = await mkdtemp(path.join(tmpdir(), "cambium-bridge-"));
const log = options.log === undefined ? undefined : createWriteStream(options.log, { flags: "a" });
const config = path.join(scratch, "cluster.xml");
if (options.cluster !== undefined) await writeFile(config, configOf(options.cluster));
const connectionArgs = options.cluster === undefined ? [] : [`--config-file=${config}`];
const session = new Session(options.data ?? path.join(scratch, "data"), { connectionArgs });

/** Parameters of the protocol itself; every other one is a setting of the engine. */
const protocol = new Set([
  "query",
  "database",
  "query_id",
  "session_id",
  "session_timeout",
  "session_check",
  "role",
  "default_format",
  "wait_end_of_query",
  "buffer_size",
  "compress",
  "decompress",
  "enable_http_compression",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "quota_key",
]);

const loggedCharsMax = 4_000;

let files = 0;
let database = "default";
let applied = new Map();
let turn = Promise.resolve();

/** Statements come one after the other: settings and the current database belong to the only session there is. */
function inTurn(work) {
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

async function execute(text, format) {
  const statement = options.cluster === undefined ? text : asOnOneNode(text, options.cluster);
  return session.queryAsync(statement, format === undefined ? {} : { format });
}

async function prepare(params) {
  const wanted = new Map([...params].filter(([key]) => !protocol.has(key) && !key.startsWith("param_")));
  for (const key of applied.keys()) if (!wanted.has(key)) await execute(`SET ${identifier(key)} = DEFAULT`);
  for (const [key, value] of wanted) if (applied.get(key) !== value) await execute(`SET ${identifier(key)} = ${literal(value)}`);
  applied = wanted;
  const wantedDatabase = params.get("database") ?? "default";
  if (wantedDatabase !== database) await execute(`USE ${quotedName(wantedDatabase)}`);
  database = wantedDatabase;
}

function identifier(text) {
  if (!/^\w+$/.test(text)) throw new Error(`Code: 115. DB::Exception: Unknown setting '${text}'. (UNKNOWN_SETTING)`);
  return text;
}

function literal(text) {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function quotedName(text) {
  return `\`${text.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

/** `{name:Type}` of the statement: the client sends values escaped as in tab-separated text. */
function withParameters(text, params) {
  return text.replace(/\{(\w+)\s*:\s*([^{}]+)\}/g, (whole, name, type) => {
    const value = params.get(`param_${name}`);
    if (value === null) return whole;
    if (type.trim() === "Identifier") return quotedName(value);
    return value === "\\N"
      ? "NULL"
      : `CAST(${/^(Array|Map|Tuple)\b/.test(type.trim()) ? literal(value) : `'${value.replaceAll("'", "\\'")}'`} AS ${type})`;
  });
}

async function answer(request, response) {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (url.pathname === "/ping") return void response.end("Ok.\n");
  if (!allowed(request)) {
    request.resume();
    return fail(response, "Code: 516. DB::Exception: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)");
  }
  const params = url.searchParams;
  const gzip = request.headers["content-encoding"] === "gzip";
  const body = gzip ? request.pipe(createGunzip()) : request;
  const inUrl = params.get("query");
  let upload;
  try {
    let text = inUrl ?? "";
    if (inUrl === null) {
      const chunks = [];
      for await (const chunk of body) chunks.push(chunk);
      text = Buffer.concat(chunks).toString("utf8");
    } else if (/^\s*(\/\*.*?\*\/\s*)*insert\s/is.test(inUrl)) {
      // The engine's own reader of files takes the rows: its only way in for every format.
      upload = path.join(scratch, `insert-${(files += 1)}`);
      await pipeline(body, createWriteStream(upload));
      text = inUrl.replace(/\bFORMAT\s+(\w+)\s*$/i, (_, format) => `FROM INFILE ${literal(upload)} FORMAT ${format}`);
      // Rows that a SELECT looks at on their way in.
      text = text.replace(
        /\binput\(('(?:[^'\\]|\\.)*')\)\s+FROM INFILE ('(?:[^'\\]|\\.)*') FORMAT (\w+)$/,
        (_, structure, file, format) => `file(${file}, ${format}, ${structure})`,
      );
    } else body.resume();
    const format = /\sFORMAT\s+(\w+)\s*;?\s*$/i.exec(text);
    const reads = upload === undefined && format !== null;
    const statement = withParameters(reads ? text.slice(0, format.index) : text, params);
    const result = await inTurn(async () => {
      const began = performance.now();
      await prepare(params);
      const prepared = performance.now();
      const done = await execute(statement, reads ? format[1] : (params.get("default_format") ?? "TabSeparated"));
      const ended = performance.now();
      log?.write(
        `${JSON.stringify({ millis: ended - prepared, settings: prepared - began, rows: done.rowsRead, sql: statement.slice(0, loggedCharsMax) })}\n`,
      );
      return done;
    });
    const bytes = result.bytes();
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": bytes.byteLength,
      "x-clickhouse-summary": JSON.stringify({
        read_rows: String(result.rowsRead),
        read_bytes: String(result.bytesRead),
        written_rows: "0",
      }),
    });
    response.end(bytes);
  } catch (thrown) {
    fail(response, thrown instanceof Error ? thrown.message : String(thrown));
  } finally {
    if (upload !== undefined) await rm(upload, { force: true });
  }
}

function allowed(request) {
  if (options.password === "") return true;
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const given = Buffer.from(basic, "base64").toString("utf8").split(":").slice(1).join(":");
  return given === options.password || request.headers["x-clickhouse-key"] === options.password;
}

/** The status that the real server gives for a code of an exception. */
function statusOf(code) {
  if ([516, 192, 193, 194].includes(code)) return 403;
  if ([60, 81, 16, 46].includes(code)) return 404;
  if ([62, 6, 26, 27, 38, 41, 42, 43, 44, 45, 47, 53, 69, 70, 72].includes(code)) return 400;
  return 500;
}

function fail(response, message) {
  const text = message.replace(/^Query failed: /, "");
  const code = Number(/Code: (\d+)/.exec(text)?.[1] ?? 1000);
  if (!response.headersSent)
    response.writeHead(statusOf(code), { "x-clickhouse-exception-code": String(code), "content-type": "text/plain" });
  response.end(`${/^Code: /.test(text) ? text : `Code: ${code}. DB::Exception: ${text}`}\n`);
}

/** Statements that insert stand in the address. */
const headerBytesMax = 1_048_576;

const server = createServer({ maxHeaderSize: headerBytesMax }, (request, response) => {
  answer(request, response).catch((thrown) => fail(response, String(thrown)));
});
server.keepAliveTimeout = 60_000;
server.listen(Number(options.port), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`listening http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`);
});

async function stop() {
  server.closeAllConnections();
  server.close();
  await turn;
  session.close();
  await rm(scratch, { recursive: true, force: true });
  process.exit(0);
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());
if (options.attached) process.stdin.on("end", () => void stop()).resume();
