/**
 * `npm start`: builds what is stale, then runs the example growth project (examples/orchard) with its simulator and a
 * local receiver. `npm start -- --once` does the same and ends when everything is delivered; `-- --help` says more.
 */
// libuv reads it when its pool starts; a running process cannot change it any more.
if (process.env.UV_THREADPOOL_SIZE === undefined) {
  const { spawn } = await import("node:child_process");
  const child = spawn(process.execPath, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal === null ? code : 1)));
} else {
  const { buildAll, buildExample } = await import("./build.mjs");
  const built = await buildAll();
  const names = Object.entries(built).map(([name, millis]) => `${name} (${(millis / 1000).toFixed(1)} s)`);
  if (names.length > 0) process.stderr.write(`Built ${names.join(", ")}.\n`);
  const { main } = await import(await buildExample("orchard/main.ts"));
  await main(process.argv.slice(2));
}
