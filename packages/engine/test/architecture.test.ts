import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/**
 * The layers of packages/engine/src as a test: `base, stats < warehouse < project < stages < run < server < engine.ts <
 * cli`. Stages never import each other: they meet in warehouse tables. Type imports count.
 */

const src = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../src");
const stages = ["collect", "identify", "model", "measure", "decide", "activate", "observe"];
const layers: readonly (readonly string[])[] = [
  ["base", "stats"],
  ["warehouse"],
  ["project"],
  stages,
  ["run"],
  ["server"],
  ["engine.ts"],
  ["cli"],
];

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => path.relative(src, path.join(entry.parentPath, entry.name)))
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(path.join(src, file), "utf8")]));
const imports = new Map(files.map((file) => [file, importsOf(file, texts.get(file) ?? "")]));

/** Relative imports, re-exports and `import()` of a file, as paths within src. */
function importsOf(file: string, text: string): string[] {
  const pattern =
    /(?:^|[;\n])\s*(?:import|export)\b[^;'"]*?from\s*["']([^"']+)["']|(?:^|[;\n])\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;
  return [...withoutComments(text).matchAll(pattern)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .filter((target) => target.startsWith("."))
    .map((target) => path.join(path.dirname(file), target.replace(/\.js$/, ".ts")));
}

/** Comments out, strings kept: enough for sources that prettier has formatted. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, literal: string | undefined) => literal ?? " ",
  );
}

function layerOf(file: string): number {
  const top = file.split(path.sep)[0] ?? "";
  return layers.findIndex((layer) => layer.includes(top));
}

test("every way to import is seen, and only imports", () => {
  const text = `// import { z } from "./no.js";
import { a } from "./a.js";
import type { B } from "../b/b.js";
import {
  c,
  type D,
} from "./c.js";
import "./e.js";
export { f } from "./f.js";
export type { G } from "./g.js";
const text = "import { h } from './no.js'";
const i = await import("./i.js");
import zod from "zod";
`;
  expect(importsOf("decide/x.ts", text)).toEqual([
    "decide/a.ts",
    "b/b.ts",
    "decide/c.ts",
    "decide/e.ts",
    "decide/f.ts",
    "decide/g.ts",
    "decide/i.ts",
  ]);
});

test("every folder has its place in the layers", () => {
  expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
  expect(files.length).toBeGreaterThan(20);
});

test("imports lead to files that exist", () => {
  const missing = [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => !existsSync(path.join(src, target))).map((target) => `${file} → ${target}`),
  );
  expect(missing).toEqual([]);
});

test("arrows between layers point to the left only, and stages never know each other", () => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => {
        const [from, to] = [layerOf(file), layerOf(target)];
        const sameFolder = file.split(path.sep)[0] === target.split(path.sep)[0];
        const bothLowest = from === 0 && to === 0;
        return to > from || (to === from && !sameFolder && !bothLowest);
      })
      .map((target) => `${file} → ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself through others", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]) => {
    if (trail.includes(file)) {
      cycles.push([...trail.slice(trail.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});

test("exports are named, files are kebab-case and say what they are for", () => {
  const badNames = files.filter((file) => file.split(path.sep).some((part) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?(\.tsx?)?$/.test(part)));
  const vague = files.filter((file) =>
    file.split(path.sep).some((part) => /^(utils?|helpers?|common|shared|misc|services?|managers?)(\.ts)?$/.test(part)),
  );
  const defaults = files.filter((file) => /^export default\b/m.test(texts.get(file) ?? ""));
  expect({ badNames, vague, defaults }).toEqual({ badNames: [], vague: [], defaults: [] });
});

test("nothing outside warehouse/ names an engine", () => {
  // cambium.yml says which engine to use, and the composition root opens it.
  const exempt = [path.join("project", "kinds", "config.ts"), "engine.ts"];
  const naming = files.filter((file) => {
    if (file.startsWith(`warehouse${path.sep}`) || exempt.includes(file)) return false;
    const code = withoutComments(texts.get(file) ?? "")
      // Imports of an adapter and the warehouse's file name are places, not decisions.
      .replace(/from\s*["'][^"']*["']/g, "")
      .replaceAll("warehouse.duckdb", "");
    return /duckdb|clickhouse/i.test(code);
  });
  expect(naming).toEqual([]);
});

test("the collector process carries no warehouse code", () => {
  const main = path.join("collect", "main.ts");
  expect(files).toContain(main);
  const reached = new Set<string>();
  const queue = [main];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    // Types are gone at run time: only what is loaded counts here.
    const loaded = importsOf(file, withoutTypeImports(texts.get(file) ?? ""));
    queue.push(...loaded);
  }
  expect([...reached].filter((file) => file.startsWith(`warehouse${path.sep}`))).toEqual([]);
});

function withoutTypeImports(text: string): string {
  return text.replace(/(^|\n)(import|export)\s+type\b[^;]*;/g, "\n");
}
