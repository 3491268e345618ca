import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "./package-folder.js";

/** The two scripts of the child process: what it runs, and the fence that is loaded before it. */
export interface ChildFiles {
  readonly child: string;
  readonly netguard: string;
  /** They were built just now. */
  readonly built: boolean;
}

/**
 * A child runs plain JavaScript. With the sources at hand, they are built on first use into files named after their
 * content, so that a stale build is never run; a published package has `dist/child.cjs` only.
 */
export async function childFiles(): Promise<ChildFiles> {
  const folder = packageFolder();
  const sources = join(folder, "src");
  if (!existsSync(sources))
    return { child: join(folder, "dist", "child.cjs"), netguard: join(folder, "dist", "netguard.cjs"), built: false };
  const version = contentHash(sources);
  const files = {
    child: join(folder, "dist", `child-${version}.cjs`),
    netguard: join(folder, "dist", `netguard-${version}.cjs`),
    built: false,
  };
  if (existsSync(files.child) && existsSync(files.netguard)) return files;
  removeOldBuilds(join(folder, "dist"));
  await buildChild(join(sources, "child", "netguard.ts"), files.netguard);
  await buildChild(join(sources, "child", "child.ts"), files.child);
  return { ...files, built: true };
}

async function buildChild(entry: string, target: string): Promise<void> {
  const bundler = "esbuild"; // by name, so that bundling this file does not pull the bundler in
  const { build } = (await import(bundler)) as typeof import("esbuild");
  mkdirSync(join(target, ".."), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  await build({
    entryPoints: [entry],
    outfile: unfinished,
    bundle: true,
    platform: "node",
    format: "cjs",
    packages: "external",
    logLevel: "silent",
  });
  renameSync(unfinished, target); // several processes may build at once
}

/** A running process may still start children of its own build. */
const oldBuildMs = 24 * 3_600_000;

function removeOldBuilds(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder).filter((file) => /^(child|netguard)-.*\.cjs$/.test(file))) {
    const file = join(folder, name);
    if (performance.timeOrigin + performance.now() - statSync(file).mtimeMs > oldBuildMs) rmSync(file, { force: true });
  }
}

function contentHash(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .sort();
  for (const file of files) hash.update(file.slice(folder.length)).update(readFileSync(file));
  return hash.digest("hex").slice(0, 12);
}
