import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * Builds what runs: packages/engine/src with esbuild (every `main.ts` is an entry point, the catalogue's child beside it,
 * packages of node_modules stay outside), and the console with Vite. Each part is skipped when it is newer than its
 * sources. Files appear whole (written aside, then renamed) and chunks of the build before stay for a day, so that a
 * running process may load the rest of its own build, and two builds at once do no harm.
 */

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const oldChunkMs = 24 * 3_600_000;

const bundles = {
  engine: { dir: path.join(root, "packages/engine") },
};

/** Everything that is stale; `force` builds it all. Returns what was built, with milliseconds. */
export async function buildAll({ force = false } = {}) {
  const built = {};
  for (const name of Object.keys(bundles)) {
    const millis = await buildBundleIfStale(name, force);
    if (millis !== undefined) built[name] = millis;
  }
  const catalogueMillis = await buildCatalogueChild();
  if (catalogueMillis !== undefined) built.catalogue = catalogueMillis;
  const millis = await buildConsoleIfStale(force);
  if (millis !== undefined) built.console = millis;
  return built;
}

export async function buildEngineIfStale() {
  await buildBundleIfStale("engine", false);
}

/** Packages stay outside; the catalogue's own code becomes part of what uses it (what it runs in a child process does not). */
const forNode = {
  bundle: true,
  packages: "external",
  alias: { "@cambium/catalogue": path.join(root, "packages/catalogue/src/index.ts") },
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: true,
  legalComments: "none",
  logLevel: "warning",
};

/** Bundles a program of examples/ or bench/ (they import the engine's sources); returns the address to import it from. */
export const buildExample = (file) => buildProgram("examples", file);
export const buildBench = (file) => buildProgram("bench", file);

async function buildProgram(folder, file) {
  const { build } = await importTool("esbuild");
  const outfile = path.join(root, folder, "dist", file.replace(/\.ts$/, ".js"));
  await build({
    entryPoints: [path.join(root, folder, file)],
    outfile,
    ...forNode,
  });
  return pathToFileURL(outfile).href;
}

async function buildBundleIfStale(name, force) {
  const { dir } = bundles[name];
  const entries = entryPoints(path.join(dir, "src"));
  if (entries.length === 0) return undefined;
  const stamp = path.join(dir, "dist/.built");
  // Taken before the sources are read: what changes during the build is newer than the stamp.
  const startedAt = new Date();
  if (
    !force &&
    timeOf(stamp) >
      newestIn([
        path.join(dir, "src"),
        path.join(root, "packages/catalogue/src"),
        path.join(dir, "package.json"),
        fileURLToPath(import.meta.url),
      ])
  ) {
    return undefined;
  }
  const { build } = await importTool("esbuild");
  const outdir = path.join(dir, "dist");
  const result = await build({
    entryPoints: entries,
    outbase: path.join(dir, "src"),
    outdir,
    ...forNode,
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    write: false,
  });
  await mkdir(path.join(outdir, "chunks"), { recursive: true });
  // Chunks first: an entry point must never name a chunk that is not there yet.
  const files = result.outputFiles.sort((a, b) => Number(b.path.includes("/chunks/")) - Number(a.path.includes("/chunks/")));
  for (const file of files) await writeWhole(file.path, file.contents);
  await removeOldChunks(path.join(outdir, "chunks"), new Set(files.map((file) => file.path)));
  await writeWhole(stamp, "");
  await utimes(stamp, startedAt, startedAt);
  return Date.now() - startedAt.getTime();
}

async function buildConsoleIfStale(force) {
  const dir = path.join(root, "packages/console");
  if (!existsSync(path.join(dir, "index.html"))) return undefined;
  const inputs = ["src", "public", "index.html", "vite.config.ts", "package.json"].map((file) => path.join(dir, file));
  if (!force && timeOf(path.join(dir, "dist/index.html")) > newestIn(inputs)) return undefined;
  const startedAt = Date.now();
  const { build } = await importTool("vite");
  await build({ root: dir, configFile: path.join(dir, "vite.config.ts"), logLevel: "warn" });
  return Date.now() - startedAt;
}

/** What the catalogue runs in a process of its own; in a checkout it is also built on first use. */
async function buildCatalogueChild() {
  await importTool("esbuild");
  return (await import("../packages/catalogue/scripts/build.mjs")).buildCatalogueChild();
}

async function importTool(name) {
  try {
    return await import(name);
  } catch (cause) {
    throw new Error(`Building needs ${name}, which is not installed. Run \`npm ci\` in ${root} first.`, { cause });
  }
}

function entryPoints(src) {
  if (!existsSync(src)) return [];
  return readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name === "main.ts")
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function newestIn(inputs) {
  let newest = 0;
  for (const input of inputs) {
    newest = Math.max(newest, timeOf(input));
    if (!existsSync(input) || !statSync(input).isDirectory()) continue;
    // Folders count too: their time changes when a file is removed.
    for (const entry of readdirSync(input, { recursive: true, withFileTypes: true })) {
      newest = Math.max(newest, timeOf(path.join(entry.parentPath, entry.name)));
    }
  }
  return newest;
}

function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function writeWhole(file, contents) {
  await mkdir(path.dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}.tmp`;
  await writeFile(aside, contents);
  await rename(aside, file);
}

async function removeOldChunks(dir, current) {
  for (const name of await readdir(dir)) {
    const file = path.join(dir, name);
    if (current.has(file)) continue;
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > oldChunkMs) await rm(file, { force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const built = await buildAll({ force: process.argv.includes("--force") });
  const parts = Object.entries(built).map(([name, millis]) => `${name} in ${(millis / 1000).toFixed(1)} s`);
  process.stdout.write(parts.length === 0 ? "Everything is built.\n" : `Built ${parts.join(", ")}.\n`);
}
