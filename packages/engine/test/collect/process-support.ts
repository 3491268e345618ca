import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../src/collect/main.ts");
const node_modules = path.resolve(path.dirname(source), "../../../../node_modules");

/** Bundles the collector's program as the build does, into a folder of its own. */
export function bundledCollector(): Promise<Bundle> {
  return bundled(source);
}

export interface Bundle {
  readonly entry: string;
  /** Source files that went in. */
  readonly inputs: string[];
  remove(): Promise<void>;
}

export async function bundled(file: string): Promise<Bundle> {
  // Inside the repository, so that packages are found from there.
  const dir = await mkdtemp(path.join(node_modules, ".cambium-test-"));
  const entry = path.join(dir, "program.mjs");
  const result = await build({
    entryPoints: [file],
    outfile: entry,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    metafile: true,
    logLevel: "error",
  });
  return { entry, inputs: Object.keys(result.metafile.inputs), remove: () => rm(dir, { recursive: true, force: true }) };
}

export async function temporaryDir(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), "cambium-collect-"));
}
