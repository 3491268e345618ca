#!/usr/bin/env node
/**
 * The `cambium` command. It is CommonJS on purpose: libuv reads UV_THREADPOOL_SIZE when its pool starts, and the loader
 * of ES modules already uses the pool, so the size must be set before the first of them is read. In a checkout it also
 * builds the engine when its sources are newer than what was built.
 */
process.env.UV_THREADPOOL_SIZE ??= "16";

const { existsSync } = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Cambium needs Node.js 20.19 or newer; this is ${process.version}.\n`);
  process.exit(1);
}

const load = (file) => import(pathToFileURL(path.resolve(__dirname, file)).href);

async function main() {
  const build = path.resolve(__dirname, "../../../scripts/build.mjs");
  if (existsSync(path.resolve(__dirname, "../src")) && existsSync(build)) await (await load(build)).buildEngineIfStale();
  await (await load("../dist/cli/main.js")).main(process.argv);
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
