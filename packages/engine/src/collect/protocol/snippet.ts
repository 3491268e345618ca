import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * analytics.js for the snippet: the copy that the build put beside this program, else the one of an installed
 * `@segment/analytics-next`. Read once; without either the snippet's path answers 404 and everything else works.
 */
export async function findSnippet(given?: string): Promise<string | undefined> {
  for (const file of given === undefined ? [besideProgram(), installed()] : [given]) {
    const text = file === undefined ? undefined : await readFile(file, "utf8").catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The library looks for this placeholder, which Segment's CDN fills in too. */
export function snippetFor(key: string, library: string): string {
  return library.replaceAll("__WRITE_KEY__", () => JSON.stringify(key).slice(1, -1));
}

function besideProgram(): string {
  return path.join(path.dirname(fileURLToPath(import.meta.url)), "analytics.min.js");
}

function installed(): string | undefined {
  try {
    return path.join(
      path.dirname(createRequire(import.meta.url).resolve("@segment/analytics-next/package.json")),
      "dist/umd/standalone.js",
    );
  } catch {
    return undefined;
  }
}
