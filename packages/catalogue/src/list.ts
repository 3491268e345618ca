import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { CatalogueEntry } from "./entry.js";
import { packageFolder } from "./package-folder.js";

let read: readonly CatalogueEntry[] | undefined;
let bySlug: ReadonlyMap<string, CatalogueEntry> | undefined;

/** Every destination of the catalogue, by slug. Reads the generated file once; loads none of the destinations' code. */
export function listCatalogue(): readonly CatalogueEntry[] {
  read ??= JSON.parse(gunzipSync(readFileSync(join(packageFolder(), "data", "catalogue.json.gz"))).toString("utf8")) as CatalogueEntry[];
  return read;
}

export function findEntry(slug: string): CatalogueEntry | undefined {
  bySlug ??= new Map(listCatalogue().map((entry) => [entry.slug, entry]));
  return bySlug.get(slug);
}
