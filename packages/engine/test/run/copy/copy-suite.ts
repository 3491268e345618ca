import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checksumOf } from "../../../src/run/copy/checksum.js";
import { wholeTable } from "../../../src/run/copy/copied-table.js";
import { hasUnfinishedCopy } from "../../../src/run/copy/copy-state.js";
import { type CopySettings, copyWarehouse } from "../../../src/run/copy/copy-warehouse.js";
import { planCopy } from "../../../src/run/copy/plan-copy.js";
import { tablesIn } from "../../../src/run/copy/tables-in.js";
import { typedInUse } from "../../../src/run/typed-in-use.js";
import { verify } from "../../../src/run/verify.js";
import { type Sql, sql } from "../../../src/warehouse/sql.js";
import { createTables } from "../../../src/warehouse/create-tables.js";
import { cycles } from "../../../src/warehouse/tables/ops.js";
import { isoOf } from "../../../src/base/instant.js";
import { hourFacts, traits } from "../../../src/warehouse/tables/growth.js";
import { events } from "../../../src/warehouse/tables/raw.js";
import type { Connection, Warehouse } from "../../../src/warehouse/warehouse.js";
import { appendEvents, appendLoad } from "../../support/events.js";
import { seeded } from "../../support/seeded.js";
import { dying } from "./dying.js";
import { addNasty } from "./nasty.js";
import { deliver, eventsOf, fill, live, liveOn, momentOf, project } from "./world.js";

/** Places at which a copy dies, chosen by a seed. More: CAMBIUM_COPY_DEATHS=200. */
const deaths = Number(process.env["CAMBIUM_COPY_DEATHS"] ?? 3);

/** What a copy promises, from one engine to another; the suites name them. */
export function copySuite(
  title: string,
  openSource: () => Promise<Warehouse>,
  openTarget: () => Promise<Warehouse>,
  { brief = false } = {},
): void {
  describe(`a copy from ${title}`, () => {
    const folders: string[] = [];
    const opened: (Warehouse | Connection)[] = [];
    afterAll(async () => {
      for (const each of opened.toReversed()) await each.close();
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    });
    const side = async (open: () => Promise<Warehouse>) => {
      const warehouse = await open();
      const connection = await warehouse.connect();
      opened.push(warehouse, connection);
      return { warehouse, connection };
    };
    /** One that tests may read and never write. */
    let filled: ReturnType<typeof side> | undefined;
    const filledSource = () =>
      (filled ??= side(openSource).then(async (source) => {
        await fill(source.connection);
        await addNasty(source.connection);
        return source;
      }));
    const settingsFor = async (source: Warehouse, target: Warehouse): Promise<CopySettings> => {
      const folder = await mkdtemp(path.join(os.tmpdir(), "cambium-copy-"));
      folders.push(folder);
      let now = momentOf(5);
      return {
        source: { warehouse: source, name: "here" },
        target: { warehouse: target, name: "there" },
        project,
        clock: () => (now += 1),
        scratchDir: path.join(folder, "pieces"),
        replace: false,
        pieceRows: 20,
      };
    };

    test("the loop goes on as if nothing had happened: cycles, syncs, verify", async () => {
      const [source, target] = [await side(openSource), await side(openTarget)];
      const [here, there] = [source.connection, target.connection];
      await fill(here);
      const settings = await settingsFor(source.warehouse, target.warehouse);
      const result = await copyWarehouse(settings);
      expect(result.tables.filter((table) => !table.equal)).toEqual([]);
      expect(result).toMatchObject({ equal: true, resumed: false, models: [], syncs: [] });
      expect(result.tables.map((table) => table.table)).toEqual(
        expect.arrayContaining(["raw.events", "growth.user_facts", "growth.score_user_score"]),
      );
      expect(await hasUnfinishedCopy(there)).toBe(false);
      expect(await readdir(path.dirname(settings.scratchDir))).toEqual([]);
      expect(await verified(target.warehouse, there)).toEqual([]);

      // What was to be sent is sent, and nothing else: the same from both, with the same keys.
      const sentHere = await deliver(here, 5);
      const sentThere = await deliver(there, 5);
      expect(sentThere).toEqual(sentHere);
      expect(sentThere["users"]?.map((row) => row.key)).toContain("u7");
      expect(sentThere["users"]?.map((row) => row.key)).not.toContain("u6");
      expect(Object.values(await deliver(there, 5)).flat()).toEqual([]);

      const [cycleHere, cycleThere] = [await liveOn(here, 6, 5), await liveOn(there, 6, 5)];
      const { cycleId, touched, changed, entered, left } = cycleHere;
      expect(cycleThere).toMatchObject({ kind: "incremental", cycleId, touched, changed, entered, left });
      expect(await deliver(there, 6)).toEqual(await deliver(here, 6));
      expect(await differing(here, there)).toEqual([]);
      expect(await verified(target.warehouse, there)).toEqual([]);
    });

    test("values of every type arrive as they were", async () => {
      const [source, target] = [await filledSource(), await side(openTarget)];
      const result = await copyWarehouse(await settingsFor(source.warehouse, target.warehouse));
      expect(result.tables.filter((table) => !table.equal)).toEqual([]);
      for (const spec of [traits("user"), hourFacts("user")])
        expect(await target.connection.columnsOf(spec)).toEqual(await source.connection.columnsOf(spec));
    });

    // The rest is the same whichever engines there are.
    if (brief) return;

    test(`dead at any of ${deaths} places, it goes on from there and ends whole`, async () => {
      const source = await filledSource();
      const whole = await side(openTarget);
      const counted = dying(whole.warehouse, Infinity, "after");
      await copyWarehouse(await settingsFor(source.warehouse, counted.warehouse));
      const random = seeded(7);
      for (let round = 0; round < deaths; round += 1) {
        const target = await side(openTarget);
        const at = 1 + Math.floor(random() * counted.statements());
        const dead = dying(target.warehouse, at, round % 2 === 0 ? "before" : "after");
        const settings = await settingsFor(source.warehouse, target.warehouse);
        await expect(copyWarehouse({ ...settings, target: { ...settings.target, warehouse: dead.warehouse } })).rejects.toThrow("killed");
        const result = await copyWarehouse(settings);
        expect({ at, differing: result.tables.filter((table) => !table.equal) }).toEqual({ at, differing: [] });
        expect(await hasUnfinishedCopy(target.connection)).toBe(false);
      }
    });

    test("a piece that arrived and was not noted is sent once more, in place of what is there", async () => {
      const [source, target] = [await filledSource(), await side(openTarget)];
      const settings = await settingsFor(source.warehouse, target.warehouse);
      // The first piece of all: raw events, whose loads are not there yet.
      const dead = dying(target.warehouse, 1, "after", ["importRows"]);
      await expect(copyWarehouse({ ...settings, target: { ...settings.target, warehouse: dead.warehouse } })).rejects.toThrow("killed");
      expect(await target.connection.first(sql`SELECT count(*) > 0 AS arrived FROM raw.events`)).toEqual({ arrived: true });
      expect(await copyWarehouse(settings)).toMatchObject({ equal: true, resumed: true });
    });

    test("rows of a load that never ended stay behind", async () => {
      const [source, target] = [await side(openSource), await side(openTarget)];
      await fill(source.connection);
      await appendEvents(
        source.connection,
        project,
        eventsOf(9, 2).map((event) => ({ ...event, load: 9 })),
      );
      expect(await copyWarehouse(await settingsFor(source.warehouse, target.warehouse))).toMatchObject({ equal: true });
      expect(await target.connection.first(sql`SELECT max(load_id) AS newest FROM raw.events`)).toEqual({ newest: 4 });
    });

    test("what the source did between two tries is in the copy; what nobody wrote twice is not", async () => {
      const [source, target] = [await side(openSource), await side(openTarget)];
      await fill(source.connection);
      const settings = await settingsFor(source.warehouse, target.warehouse);
      const dead = dying(target.warehouse, 300, "after");
      await expect(copyWarehouse({ ...settings, target: { ...settings.target, warehouse: dead.warehouse } })).rejects.toThrow("killed");
      await live(source.connection, 5);
      await deliver(source.connection, 5);
      expect(await planCopy(project, settings.source, settings.target, settings)).toMatchObject({ resumes: true, obstacle: undefined });
      const result = await copyWarehouse(settings);
      expect(result).toMatchObject({ equal: true, resumed: true });
      expect(Object.values(await deliver(target.connection, 5)).flat()).toEqual([]);
    });

    test("a row that is missing or doubled there is found, and mended by the next try", async () => {
      const [source, target] = [await filledSource(), await side(openTarget)];
      const settings = await settingsFor(source.warehouse, target.warehouse);
      const faulty = async (fault: (connection: Connection) => Sql) => {
        let done = false;
        const connect = async () => {
          const connection = await target.warehouse.connect();
          return new Proxy(connection, {
            get(of, property) {
              const value: unknown = Reflect.get(of, property, of);
              if (typeof value !== "function") return value;
              if (property !== "first") return value.bind(of) as unknown;
              return async (query: Sql) => {
                // The comparison begins.
                if (!done && query.parts.some((part) => "text" in part && part.text.includes("checksum of"))) {
                  done = true;
                  await of.run(fault(of));
                }
                return of.first(query);
              };
            },
          });
        };
        return copyWarehouse({ ...settings, target: { ...settings.target, warehouse: { ...target.warehouse, connect } } });
      };
      const lost = await faulty(({ dialect }) => dialect.deleteWhere(events, sql`message_id = 'm2-3'`));
      expect(lost.equal).toBe(false);
      expect(lost.tables.filter((table) => !table.equal).map(({ table, rows, rowsThere }) => [table, rowsThere - rows])).toEqual([
        ["raw.events", -1],
      ]);
      expect(await hasUnfinishedCopy(target.connection)).toBe(true);
      const doubled = await faulty(
        () =>
          sql`INSERT INTO growth.changes SELECT * FROM growth.changes WHERE cycle_id = 2 AND entity_id = (SELECT min(entity_id) FROM growth.changes WHERE cycle_id = 2)`,
      );
      expect(doubled.tables.filter((table) => !table.equal).map(({ table }) => table)).toEqual(["growth.changes"]);
      const changed = await faulty(({ dialect }) => dialect.updateWhere(traits("user"), { plan: sql`'other'` }, sql`plan = 'team'`));
      expect(changed.tables.filter((table) => !table.equal).map(({ table, rows, rowsThere }) => [table, rowsThere - rows])).toEqual([
        ["growth.user_traits", 0],
      ]);
      expect(await copyWarehouse(settings)).toMatchObject({ equal: true, resumed: true });
    });

    test("a target that holds something else is refused unless it may be replaced", async () => {
      const [source, target] = [await filledSource(), await side(openTarget)];
      const settings = await settingsFor(source.warehouse, target.warehouse);
      await createTables(target.connection, ["user", "workspace", "account"], ["workspace", "account"]);
      await appendLoad(target.connection, project, 9, eventsOf(9, 2), momentOf(9));
      await target.connection.append(cycles, [{ ...emptyCycle, now: isoOf(momentOf(9)) }]);
      await expect(copyWarehouse(settings)).rejects.toMatchObject({
        code: "WAREHOUSE_NOT_EMPTY",
        message: expect.stringContaining("later than") as string,
      });
      expect((await planCopy(project, settings.source, settings.target, settings)).obstacle).toContain("not empty");
      expect(await copyWarehouse({ ...settings, replace: true })).toMatchObject({ equal: true, resumed: false });
      // Whole, it is a warehouse like any other.
      await expect(copyWarehouse(settings)).rejects.toMatchObject({ code: "WAREHOUSE_NOT_EMPTY" });

      const dead = dying(target.warehouse, 300, "after");
      const replacing = { ...settings, replace: true, target: { ...settings.target, warehouse: dead.warehouse } };
      await expect(copyWarehouse(replacing)).rejects.toThrow("killed");
      const other = { ...settings, source: { ...settings.source, name: "elsewhere" } };
      await expect(copyWarehouse(other)).rejects.toMatchObject({
        code: "WAREHOUSE_NOT_EMPTY",
        message: expect.stringContaining("copy of here") as string,
      });
      expect(await copyWarehouse(settings)).toMatchObject({ equal: true, resumed: true });
    });

    test("what writes to the source meanwhile is noticed", async () => {
      const [source, target] = [await side(openSource), await side(openTarget)];
      await fill(source.connection);
      const settings = await settingsFor(source.warehouse, target.warehouse);
      let written: Promise<void> | undefined;
      const onProgress: CopySettings["onProgress"] = ({ table }) => {
        if (table === "growth.user_traits") written ??= appendLoad(source.connection, project, 9, eventsOf(9), momentOf(9));
      };
      await expect(copyWarehouse({ ...settings, onProgress })).rejects.toMatchObject({ code: "COPY_SOURCE_CHANGED" });
      await written;
      expect(await copyWarehouse(settings)).toMatchObject({ equal: true, resumed: true });
    });

    test("of two that copy into one target the older one stops", async () => {
      const [source, target] = [await filledSource(), await side(openTarget)];
      const settings = await settingsFor(source.warehouse, target.warehouse);
      let second: Promise<unknown> | undefined;
      const onProgress: CopySettings["onProgress"] = ({ table }) => {
        if (table === "growth.changes") second ??= copyWarehouse({ ...settings, scratchDir: `${settings.scratchDir}-2` });
      };
      await expect(copyWarehouse({ ...settings, onProgress })).rejects.toMatchObject({ code: "WAREHOUSE_LOCKED" });
      expect(await second).toMatchObject({ resumed: true });
    });
  });
}

const emptyCycle = {
  cycle_id: 1,
  kind: "full",
  started_at: isoOf(0),
  from_load: 0,
  to_load: 9,
  events: 2,
  touched: "{}",
  changed: "{}",
  steps: "[]",
  seconds: 0,
  definitions: "",
};

/** What a recompute of everything finds otherwise. */
async function verified(warehouse: Warehouse, connection: Connection): Promise<unknown[]> {
  const { comparisons } = await verify(warehouse, connection, project, { typed: await typedInUse(connection, project) });
  return comparisons.filter((each) => each.missing + each.extra + each.different > 0);
}

/**
 * Tables of `growth` that are not the same on both sides after each side's own cycle. Each engine writes JSON its way, and of
 * several events that touched somebody any may be named.
 */
async function differing(here: Connection, there: Connection): Promise<string[]> {
  const { tables } = await tablesIn(here, ["user", "workspace", "account"]);
  const found: string[] = [];
  for (const spec of tables.filter(({ schema }) => schema === "growth")) {
    const said = (await here.columnsOf(spec)).filter(({ name, type }) => type !== "json" && name !== "message_id");
    const table = wholeTable(spec, said, [here.dialect, there.dialect]);
    const [a, b] = [await checksumOf(here, table, sql`TRUE`), await checksumOf(there, table, sql`TRUE`)];
    if (a.rows !== b.rows || a.sum !== b.sum) found.push(`${spec.table}: ${a.rows} rows, there ${b.rows}`);
  }
  return found;
}
