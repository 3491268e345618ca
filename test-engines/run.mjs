/** `npm run test:engines`: installs the ClickHouse engine where it is absent (540 MB, kept out of the root's `npm ci`), then runs its suites. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: "inherit", env: { ...process.env, UV_THREADPOOL_SIZE: "16" } });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(path.join(here, "node_modules/chdb"))) {
  // No lock: it would name builds for platforms that a registry may not carry; the version is exact in package.json.
  run("npm", ["install", "--no-save", "--no-package-lock", "--ignore-scripts", "--no-fund", "--no-audit"], here);
}
run(
  process.execPath,
  [path.join(root, "node_modules/vitest/vitest.mjs"), "run", "--config", path.join(here, "vitest.config.ts"), ...process.argv.slice(2)],
  root,
);
