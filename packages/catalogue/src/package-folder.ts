import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** This package's folder, also when its code was bundled into another file. */
export function packageFolder(): string {
  return dirname(realpathSync(createRequire(import.meta.url).resolve("@cambium/catalogue/package.json")));
}
