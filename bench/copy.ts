import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isoOf, systemClock } from "../packages/engine/src/base/instant.js";
import { projectFromFiles } from "../packages/engine/src/project/load-project.js";
import { type CopyResult, copyWarehouse } from "../packages/engine/src/run/copy/copy-warehouse.js";
import type { Side } from "../packages/engine/src/run/copy/side.js";
import { createTables } from "../packages/engine/src/warehouse/create-tables.js";
import { openDuckdb } from "../packages/engine/src/warehouse/duckdb/open.js";
import { eraseWarehouse, openWarehouse, warehouseNamed } from "../packages/engine/src/warehouse/open-warehouse.js";
import { sql } from "../packages/engine/src/warehouse/sql.js";
import { loads } from "../packages/engine/src/warehouse/tables/ops.js";
import type { Warehouse } from "../packages/engine/src/warehouse/warehouse.js";
import { table } from "./table.js";

/**
 * `cambium warehouse copy` of events with JSON of some 600 bytes: to another database file, or to a server and back
 * (CAMBIUM_BENCH_SERVER, an address as `--to` takes it). The limit: the same rows out to one Parquet file and in again by
 * the engine itself, nothing compared. Size by CAMBIUM_BENCH_EVENTS (default 2,000,000).
 */
const rows = Number(process.env["CAMBIUM_BENCH_EVENTS"] ?? 2_000_000);
const server = process.env["CAMBIUM_BENCH_SERVER"];
const rowsPerLoad = 20_000;

const project = projectFromFiles({ "cambium.yml": "name: bench", "sources/web.yml": "name: web\nwrite_keys: [key]" }, "/bench");

export async function bench(): Promise<void> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "cambium-bench-copy-"));
  const embedded = async (name: string): Promise<Side> => ({
    warehouse: await openDuckdb({ file: path.join(dir, `${name}.duckdb`), scratchDir: path.join(dir, `scratch-${name}`) }),
    name,
  });
  try {
    const source = await embedded("source");
    const bytes = await fill(source.warehouse);
    const found: string[][] = [];
    const tell = (what: string, seconds: number, more = "") =>
      found.push([
        what,
        `${seconds.toFixed(1)} s`,
        `${Math.round(rows / seconds).toLocaleString("en")} rows/s`,
        `${(bytes / seconds / 1e6).toFixed(0)} MB/s`,
        more,
      ]);
    tell("out to a file and in again, by the engine (limit)", await limit(source.warehouse, dir));
    const copied = async (what: string, from: Side, to: Side) => {
      const phases = { copy: 0, compare: 0 };
      let at = performance.now();
      let phase: keyof typeof phases = "copy";
      const result: CopyResult = await copyWarehouse({
        source: from,
        target: to,
        project,
        clock: systemClock,
        scratchDir: path.join(dir, "pieces"),
        replace: true,
        onProgress(progress) {
          phases[phase] += performance.now() - at;
          at = performance.now();
          phase = progress.phase;
        },
      });
      if (!result.equal) throw new Error("the copy differs");
      tell(`${what}: copied`, phases.copy / 1000, `${(result.bytes / 1e6).toFixed(0)} MB of files`);
      tell(`${what}: compared`, result.seconds - phases.copy / 1000);
    };
    if (server === undefined) {
      const target = await embedded("target");
      await copied("to another file", source, target);
      await target.warehouse.close();
    } else {
      const place = { file: path.join(dir, "none"), scratchDir: path.join(dir, "scratch-server") };
      const settings = warehouseNamed(server, { type: "duckdb" }, place, process.env);
      const there: Side = { warehouse: await openWarehouse(settings), name: server };
      await copied("to the server", source, there);
      const back = await embedded("back");
      await copied("and back", there, back);
      await back.warehouse.close();
      await there.warehouse.close();
      await eraseWarehouse(settings);
    }
    await source.warehouse.close();
    table([`${rows.toLocaleString("en")} events of ${Math.round(bytes / rows)} bytes`, "time", "rows", "values", ""], found);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Bytes of the events' texts. */
async function fill(warehouse: Warehouse): Promise<number> {
  const connection = await warehouse.connect();
  await createTables(connection, ["user"], []);
  const n = sql`r.i`;
  await connection.run(sql`INSERT INTO raw.events (load_id, message_id, message_hash, source, type, event, user_id, anonymous_id, identifier_id, timestamp, received_at, sent_at, properties, context)
SELECT 1 + ${n} // ${rowsPerLoad}, md5(CAST(${n} AS VARCHAR)), CAST(hash(${n}) >> 1 AS BIGINT), 'web', 'track', 'Report Opened', 'user-' || (${n} * 7919 % 200000), md5('a' || (${n} % 300000)),
  CAST(hash(${n} * 7919 % 200000) >> 1 AS BIGINT), make_timestamp(1770000000000000 + ${n} * 100000), make_timestamp(1770000000000000 + ${n} * 100000), NULL,
  '{"report":"' || md5('r' || (${n} % 5000)) || '","seats":' || (${n} % 40) || ',"amount":' || (${n} % 9973) / 100.0 || ',"tags":["alpha","beta","' || (${n} % 13) || '"],"referrer":"https://www.example.com/articles/' || (${n} % 70001) || '?utm_source=newsletter&utm_medium=email","note":"' || md5(CAST(${n} AS VARCHAR)) || '"}',
  '{"library":{"name":"analytics.js","version":"4.1.0"},"page":{"path":"/reports/' || (${n} % 5000) || '","title":"Report","url":"https://app.example.com/reports/' || (${n} % 5000) || '"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","locale":"en-GB","ip":"10.1.' || (${n} % 250) || '.7","timezone":"Europe/Berlin"}'
FROM range(${rows}) AS r(i)`);
  const load = (id: number) => ({
    load_id: id,
    segment: `s${id}`,
    node: "bench",
    accepted: rowsPerLoad,
    stored: rowsPerLoad,
    duplicates: 0,
    quarantined: 0,
    bytes: 0,
    loaded_at: isoOf(0),
    seconds: 0,
  });
  await connection.append(
    loads,
    Array.from({ length: Math.ceil(rows / rowsPerLoad) }, (_, index) => load(index + 1)),
  );
  const size = await connection.first<{ bytes: number }>(
    sql`SELECT sum(strlen(message_id) + strlen(event) + strlen(user_id) + strlen(anonymous_id) + strlen(CAST(properties AS VARCHAR)) + strlen(CAST(context AS VARCHAR)) + 60) AS bytes FROM raw.events`,
  );
  await connection.close();
  await warehouse.checkpoint();
  return size?.bytes ?? 0;
}

async function limit(warehouse: Warehouse, dir: string): Promise<number> {
  const other = await openDuckdb({ file: path.join(dir, "limit.duckdb"), scratchDir: path.join(dir, "scratch-limit") });
  const [here, there] = [await warehouse.connect(), await other.connect()];
  const file = path.join(dir, "limit.parquet");
  await createTables(there, ["user"], []);
  const started = performance.now();
  await here.run(sql`COPY raw.events TO ${file} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
  await there.run(sql`INSERT INTO raw.events SELECT * FROM read_parquet(${file})`);
  await other.checkpoint();
  const seconds = (performance.now() - started) / 1000;
  await here.close();
  await there.close();
  await other.close();
  await rm(file);
  return seconds;
}
