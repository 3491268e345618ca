import { startBridge } from "./bridge-process.js";

/** One engine for all of the stages' test files; each test's warehouse has databases of its own there. */
export async function setup(): Promise<() => Promise<void>> {
  const bridge = await startBridge();
  process.env["CAMBIUM_TEST_SERVER"] = bridge.url;
  // Random histories cost twenty times as much here: a statement is a request, a table of a few rows a part on disk.
  process.env["CAMBIUM_PROPERTY_RUNS"] ??= "1";
  return () => bridge.stop();
}
