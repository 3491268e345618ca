// Builds the two scripts of the destination process ahead of time, so that a machine without the bundler can run them.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Milliseconds that it took, or nothing where the scripts were there already. */
export async function buildCatalogueChild() {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  const startedAt = Date.now();
  mkdirSync(join(root, "dist"), { recursive: true });
  const script = join(root, "dist", `build-${process.pid}.mjs`);
  const entryPoints = [join(root, "src", "child-files.ts")];
  await build({ entryPoints, outfile: script, bundle: true, platform: "node", format: "esm", packages: "external", logLevel: "warning" });
  try {
    const { childFiles } = await import(pathToFileURL(script).href);
    const { built } = await childFiles();
    return built ? Date.now() - startedAt : undefined;
  } finally {
    rmSync(script, { force: true });
  }
}
