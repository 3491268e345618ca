/**
 * `npm run bench [-- name …]`: runs the benches of bench/, each of which prints its figures and their ratio to a limit
 * measured in the same run. Long ones can be chosen by name.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

if (process.env.UV_THREADPOOL_SIZE === undefined) {
  const { spawnSync } = await import("node:child_process");
  const { status } = spawnSync(process.execPath, ["--expose-gc", fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  process.exitCode = status ?? 1;
} else {
  const { buildAll, buildBench } = await import("./build.mjs");
  await buildAll();
  const dir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../bench");
  const names = readdirSync(dir)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -3))
    .sort();
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`There is no bench ${unknown.join(", ")}; there are ${names.join(", ")}.\n`);
    process.exit(2);
  }
  for (const name of wanted.length === 0 ? names : wanted) {
    const { bench } = await import(await buildBench(`${name}.ts`));
    if (bench === undefined) continue;
    process.stdout.write(`\n${name}\n`);
    await bench();
  }
}
