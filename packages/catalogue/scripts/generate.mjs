// Writes data/catalogue.json.gz and docs/catalogue.md from the installed @segment/action-destinations:
// `npm run generate -w packages/catalogue`.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bundle = join(root, "dist", "describe.mjs");
const contents = `export * from "./describe.js"; export * from "./page.js";`;
await build({
  stdin: { contents, resolveDir: join(root, "scripts"), loader: "ts" },
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
});
const { describeCatalogue, cataloguePage } = await import(pathToFileURL(bundle).href);
const entries = describeCatalogue();
rmSync(bundle);
const file = join(root, "data", "catalogue.json.gz");
mkdirSync(dirname(file), { recursive: true });
const json = JSON.stringify(entries);
writeFileSync(file, gzipSync(json, { level: 9 }));
writeFileSync(join(root, "..", "..", "docs", "catalogue.md"), cataloguePage(entries));
const actions = entries.reduce((sum, entry) => sum + entry.actions.length, 0);
console.log(`${entries.length} destinations, ${actions} actions, ${(json.length / 1e6).toFixed(1)} MB of JSON`);
