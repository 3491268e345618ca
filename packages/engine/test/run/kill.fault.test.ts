import path from "node:path";
import type { WarehouseSettings } from "../../src/warehouse/open-warehouse.js";
import { live } from "./kill/scenario.js";
import { killSuite } from "./kill/suite.js";

const settingsOf = (name: string, dir: string): WarehouseSettings => ({
  type: "duckdb",
  file: path.join(dir, `${name}.duckdb`),
  scratchDir: path.join(dir, `${name}-scratch`),
  threads: 1,
});

/** The program ends where it stands: what it had begun is never finished, and the file is opened anew. */
const dead = new Error("dead");

killSuite(
  "duckdb",
  {
    async statements(settings, turn) {
      let statements = 0;
      await live(settings, turn, () => void (statements += 1));
      return statements;
    },
    async dies(settings, turn, at) {
      let statements = 0;
      const beforeEach = () => {
        statements += 1;
        if (statements >= at) throw dead;
      };
      await live(settings, turn, beforeEach).catch((thrown: unknown) => {
        if (statements < at) throw thrown;
      });
    },
  },
  settingsOf,
  { step: Number(process.env["CAMBIUM_KILL_STEP"] ?? 7) },
);
