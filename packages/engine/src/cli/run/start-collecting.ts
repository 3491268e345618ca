import { mkdir } from "node:fs/promises";
import { messageOf } from "../../base/errors.js";
import { systemClock } from "../../base/instant.js";
import { type Shipper, keepShipping } from "../../collect/ship/shipper.js";
import type { SupervisedCollector } from "../../collect/supervise.js";
import { statePaths } from "../../engine.js";
import { loadProject } from "../../project/load-project.js";
import { watchProject } from "../../run/watch-project.js";
import { createShippingTables } from "../../warehouse/create-tables.js";
import { addingOnly, openWarehouse } from "../../warehouse/open-warehouse.js";
import { settingsOf } from "../open-local.js";
import { collectorSources, startCollectorProcess } from "./start-collector-process.js";

/** What `cambium collect` runs: a collector in its own process, and a shipper here. */
export interface Collecting {
  readonly collector: SupervisedCollector;
  readonly shipper: Shipper;
  close(): Promise<void>;
}

export interface CollectingOptions {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly onEvent: (sentence: string) => void;
}

/** Each segment is an insert, so they are fewer and larger than where the engine reads the spool itself. */
const segmentAgeMaxMs = 1_000;

export async function startCollecting({ dir, env, host, port, onEvent }: CollectingOptions): Promise<Collecting> {
  const project = await loadProject(dir);
  const paths = statePaths(dir);
  const named = addingOnly(settingsOf(project, env));
  await mkdir(paths.spool, { recursive: true });
  await mkdir(paths.scratch, { recursive: true });
  const shipper = keepShipping({
    spoolDir: paths.spool,
    scratchDir: paths.scratch,
    clock: systemClock,
    onEvent,
    async connect() {
      const warehouse = await openWarehouse(named);
      try {
        const connection = await warehouse.connect();
        await createShippingTables(connection);
        return {
          connection,
          async close() {
            await connection.close().catch(() => undefined);
            await warehouse.close();
          },
        };
      } catch (thrown) {
        await warehouse.close();
        throw thrown;
      }
    },
  });
  const collector = await startCollectorProcess(project, { host, port, segmentAgeMaxMs, onSealed: () => shipper.wake(), onEvent }).catch(
    async (thrown: unknown) => {
      await shipper.close();
      throw thrown;
    },
  );
  const watcher = watchProject(dir, async () => {
    try {
      await collector.replaceSources(collectorSources(await loadProject(dir)));
    } catch (thrown) {
      onEvent(`definitions: ${messageOf(thrown)}`);
    }
  });
  return {
    collector,
    shipper,
    async close() {
      await watcher.close();
      // It seals its spool, and the last trip takes that along.
      await collector.close();
      await shipper.close();
    },
  };
}
