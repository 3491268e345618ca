import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { workers } from "./test/server-for-stages.js";

/**
 * What runs on a real ClickHouse engine (`npm run test:engines` installs it first): the conformance suite, and the stages'
 * own tests once more, as they stand.
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const common = { root, pool: "forks" as const, testTimeout: 480_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: "conformance", maxWorkers: workers, include: ["test-engines/test/**/*.test.ts"] } },
      {
        test: {
          ...common,
          name: "stages",
          maxWorkers: workers,
          include: [
            "packages/engine/test/collect/{load,properties,damage,ship}.test.ts",
            "packages/engine/test/identify/{identify,order}.test.ts",
            "packages/engine/test/{activate,cli,decide,measure,run,server}/**/*.test.ts",
            "packages/engine/test/model/*.test.ts",
            "packages/engine/test/observe/*.test.ts",
            "packages/engine/test/project/{blocked-values,formula}.test.ts",
          ],
          // Copies between engines have files of their own above.
          exclude: ["**/*.{browser,fault,peer,postgres}.test.ts", "packages/engine/test/run/copy/**"],
          globalSetup: ["test-engines/test/server-for-stages.ts"],
        },
      },
    ],
  },
});
