import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CambiumError } from "../../base/errors.js";

/** A file of the built engine, from wherever this code was bundled to. */
export function distFile(file: string): string {
  for (let dir = path.dirname(fileURLToPath(import.meta.url)); ; dir = path.dirname(dir)) {
    const places = [path.join(dir, "dist"), path.join(dir, "packages", "engine", "dist")];
    const found = places.find((place) => existsSync(path.join(place, "collect", "main.js")));
    if (found !== undefined) return path.resolve(found, file);
    if (dir === path.dirname(dir)) throw new CambiumError("INTERNAL", "The built engine is not there: run `npm run build`.");
  }
}
