export { type Catalogue, catalogueDefaults, type CatalogueOptions, openCatalogue } from "./catalogue.js";
export { defaultMapping } from "./offered-mapping.js";
export type { CatalogueAction, CatalogueChoice, CatalogueEntry, CatalogueField, CataloguePreset } from "./entry.js";
export { listCatalogue } from "./list.js";
export { specOf } from "./spec.js";
