import { z } from "zod";
import { configSchema, definitionKindNames, definitionKinds } from "./definition-kinds.js";

/**
 * JSON Schemas of every kind, for editors: they complete keys and underline mistakes while a definition is written. A
 * file may hold one definition or a list of them.
 */
export function jsonSchemas(): Record<string, unknown> {
  const kinds = definitionKindNames.map((kind): [string, unknown] => {
    const { schema, folder } = definitionKinds[kind];
    const one = z.toJSONSchema(schema, { io: "input", reused: "inline", target: "draft-7" }) as Record<string, unknown>;
    const { $schema, definitions, ...shape } = one;
    return [
      `${kind}.json`,
      {
        $schema,
        title: `Cambium: ${folder}/*.yml`,
        anyOf: [{ $ref: `#/definitions/${kind}` }, { type: "array", items: { $ref: `#/definitions/${kind}` } }],
        definitions: { ...(definitions as Record<string, unknown> | undefined), [kind]: shape },
      },
    ];
  });
  const project = z.toJSONSchema(configSchema, { io: "input", target: "draft-7" });
  return Object.fromEntries([["cambium.json", { title: "Cambium: cambium.yml", ...project }], ...kinds]);
}

/** The comment in a definition's first line that tells editors which schema it follows. */
export function schemaHint(file: string): string {
  const [folder] = file.split("/");
  const kind = definitionKindNames.find((candidate) => definitionKinds[candidate].folder === folder);
  const depth = file.split("/").length - 1;
  return `# yaml-language-server: $schema=${"../".repeat(depth)}.cambium/schemas/${kind ?? "cambium"}.json`;
}
