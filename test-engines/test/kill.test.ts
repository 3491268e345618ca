import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { bundled } from "../../packages/engine/test/collect/process-support.js";
import { live } from "../../packages/engine/test/run/kill/scenario.js";
import { killSuite } from "../../packages/engine/test/run/kill/suite.js";
import type { WarehouseSettings } from "../../packages/engine/src/warehouse/open-warehouse.js";
import { type Bridge, startBridge } from "./bridge-process.js";
import { type MortalServer, mortalServer } from "./mortal-server.js";

/**
 * The turns of the kill suite on ClickHouse: a death is a request after which the server hears nothing more, so that
 * every one of a commit counts as well; and, for some of them, a process that ends itself with SIGKILL.
 */
let bridge: Bridge;
let mortal: MortalServer;
let child: Awaited<ReturnType<typeof bundled>>;
beforeAll(async () => {
  bridge = await startBridge();
  mortal = await mortalServer(bridge.url);
  child = await bundled(fileURLToPath(new URL("../../packages/engine/test/run/kill/child.ts", import.meta.url)));
});
afterAll(async () => {
  await child.remove();
  await mortal.close();
  await bridge.stop();
});

const settingsOf = (prefix: string) => (name: string, dir: string) => ({
  type: "clickhouse" as const,
  url: bridge.url,
  prefix: `${prefix}_${name}_`,
  user: "default",
  password: "",
  scratchDir: path.join(dir, `${name}-scratch`),
});
const through = (settings: WarehouseSettings): WarehouseSettings => ({
  ...settings,
  ...(settings.type === "clickhouse" && { url: mortal.url }),
});

killSuite(
  "clickhouse, a connection that ends",
  {
    async statements(settings, turn) {
      let begun = false;
      const begin = () => {
        if (!begun) mortal.heal();
        begun = true;
      };
      await live(through(settings), turn, begin);
      return mortal.requests;
    },
    async dies(settings, turn, at) {
      let begun = false;
      const begin = () => {
        if (!begun) mortal.fail(at, at % 2 === 0 ? "never" : "unanswered");
        begun = true;
      };
      let made = 0;
      await live(through(settings), turn, begin).catch((thrown: unknown) => {
        made = mortal.requests;
        if (made < at) throw thrown;
      });
      mortal.heal();
    },
  },
  settingsOf("ended"),
  { step: Number(process.env["CAMBIUM_KILL_STEP"] ?? 131) },
);

killSuite(
  "clickhouse, a process that is killed",
  {
    async statements(settings, turn) {
      let statements = 0;
      await live(settings, turn, () => void (statements += 1));
      return statements;
    },
    async dies(settings, turn, at) {
      const killed = spawn(process.execPath, [child.entry, JSON.stringify({ settings, turn, at })], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      await once(killed, "exit");
    },
  },
  settingsOf("killed"),
  { step: Number(process.env["CAMBIUM_KILL_STEP"] ?? 301) },
);
