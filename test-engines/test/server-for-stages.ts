import { startBridge } from "./bridge-process.js";

/** One engine for all of the stages' test files, or a server that is there; each test's warehouse has databases of its own there. */
export async function setup(): Promise<() => Promise<void>> {
  const bridge =
    process.env["CAMBIUM_TEST_SERVER"] === undefined
      ? await startBridge()
      : { url: process.env["CAMBIUM_TEST_SERVER"], stop: () => Promise.resolve() };
  process.env["CAMBIUM_TEST_SERVER"] = bridge.url;
  // Random histories cost twenty times as much here: a statement is a request, a table of a few rows a part on disk.
  process.env["CAMBIUM_PROPERTY_RUNS"] ??= "1";
  return () => bridge.stop();
}
