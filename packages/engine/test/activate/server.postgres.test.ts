import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { postgresDestination } from "../../src/activate/destinations/postgres/postgres.js";
import { runSync } from "../../src/activate/run.js";
import { testWarehouse } from "../support/warehouse.js";
import { postgresSuite } from "./postgres-suite.js";
import { startPostgres } from "./real-postgres.js";
import { optionsFor, prepare, putUsers, syncOf, testClock, testProject } from "./support.js";

const server = await startPostgres();
if (server === undefined)
  console.warn("SKIPPED: no Postgres server (initdb and postgres) is installed here; the destination was tried on the embedded one only.");
afterAll(() => server?.stop());

describe.skipIf(server === undefined)("on a real Postgres", () => {
  const real = server as NonNullable<typeof server>;
  postgresSuite(() => ({ url: real.url, allow: real.allow }));

  test("a mirror equals its source, also when the server dies between two runs", async () => {
    const warehouse = await testWarehouse();
    const destination = postgresDestination();
    try {
      const { connection } = warehouse;
      await prepare(connection);
      const project = testProject(
        [
          {
            name: "people",
            from: { entity: "user" },
            destination: "app",
            mode: "mirror",
            mapping: { id: "key", plan: "plan", logins: "logins", score: "activation" },
          },
        ],
        [{ name: "app", type: "postgres", settings: { url: "${APP_URL}" }, allow: real.allow }],
      );
      const time = testClock();
      const run = () => runSync(connection, project, syncOf(project), optionsFor(destination, time, { env: { APP_URL: real.url } }));
      const users = Array.from({ length: 5000 }, (_, index) => ({
        key: `u${index}`,
        plan: index % 3 === 0 ? "pro" : "free",
        logins: index,
      }));
      await putUsers(connection, 1, users);
      expect(await run()).toMatchObject({ state: "done", delivered: 5000 });
      await putUsers(
        connection,
        2,
        users.slice(0, 100).map((user) => ({ ...user, plan: "team" })),
        users.slice(4000).map((user) => user.key),
      );
      await real.kill();
      expect(await run()).toMatchObject({ delivered: 0 });
      await real.restart();
      time.advance(3_600_000_000);
      expect(await run()).toMatchObject({ state: "done", delivered: 1100 });
      const client = new pg.Client({ connectionString: real.url });
      await client.connect();
      const { rows } = await client.query(
        "SELECT count(*)::int AS n, sum(logins)::int AS logins, count(*) FILTER (WHERE plan = 'team')::int AS team, max(score) AS score FROM people",
      );
      await client.end();
      expect(rows).toEqual([{ n: 4000, logins: (3999 * 4000) / 2, team: 100, score: 100 }]);
    } finally {
      await destination.close?.();
      await warehouse.close();
    }
  });
});
