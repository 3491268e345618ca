import { defineConfig } from "vitest/config";

/**
 * `fast` is `npm test`: no services, no network. The other projects need something a machine may lack (a browser, a
 * Postgres server, minutes); `.ci/run` runs them all.
 */
const common = { testTimeout: 60_000, hookTimeout: 60_000, pool: "forks" as const };
/** As many workers as cores (the default leaves one idle), each loading the sources once instead of once a file. */
const shared = { isolate: false, maxWorkers: "100%" };
const slow = (kind: string) => ({
  test: {
    ...common,
    name: kind,
    include: [`**/test/**/*.${kind}.test.ts`],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          ...shared,
          name: "fast",
          include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.{browser,postgres,fault,peer}.test.ts"],
        },
      },
      slow("browser"),
      slow("postgres"),
      slow("fault"),
      slow("peer"),
    ],
  },
});
