import { startBridge } from "./bridge-process.js";

/** Test files that run at once, each beside an engine of its own: an engine takes one statement at a time. */
export const workers = 2;

/** Engines for all of the stages' test files, or a server that is there; each test's warehouse has databases of its own. */
export async function setup(): Promise<() => Promise<void>> {
  // Random histories cost twenty times as much here: a statement is a request, a table of a few rows a part on disk.
  process.env["CAMBIUM_PROPERTY_RUNS"] ??= "1";
  if (process.env["CAMBIUM_TEST_SERVER"] !== undefined) return () => Promise.resolve();
  const bridges = await Promise.all(Array.from({ length: workers }, () => startBridge()));
  process.env["CAMBIUM_TEST_SERVER"] = bridges.map(({ url }) => url).join(" ");
  return async () => {
    await Promise.all(bridges.map((bridge) => bridge.stop()));
  };
}
