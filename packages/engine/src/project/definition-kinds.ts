import type { z } from "zod";
import { audience } from "./kinds/audience.js";
import { config } from "./kinds/config.js";
import { destination } from "./kinds/destination.js";
import { score } from "./kinds/score.js";
import { source } from "./kinds/source.js";
import { sync } from "./kinds/sync.js";
import { trait } from "./kinds/trait.js";

/** The kinds of definition that YAML files hold: the folder is the kind. One more kind is one more line here. */
export const definitionKinds = {
  source: { folder: "sources", schema: source },
  trait: { folder: "traits", schema: trait },
  score: { folder: "scores", schema: score },
  audience: { folder: "audiences", schema: audience },
  destination: { folder: "destinations", schema: destination },
  sync: { folder: "syncs", schema: sync },
} as const satisfies Record<string, { folder: string; schema: z.ZodType }>;

export type DefinitionKind = keyof typeof definitionKinds;

export const definitionKindNames = Object.keys(definitionKinds) as DefinitionKind[];

export const configFile = "cambium.yml";
export const configSchema = config;

/** SQL models live in their own folder, tests of models in `schema.yml` files beside them. */
export const modelsFolder = "models";
