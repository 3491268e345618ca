import { type DestinationDefinition, destinationTypes } from "../kinds/destination.js";
import type { Placed } from "../parse-definitions.js";
import { suggestion } from "../problem.js";
import type { Known } from "./known.js";

/** Names of settings that hold something nobody else may know. */
const secretNames = /(secret|token|passw|api_?key|private_?key|access_?key|credential|authorization|bearer|service_?account)/i;
/** Addresses that are secrets themselves: with a password inside, or webhooks that anyone could post to. */
const secretValues = /^[a-z][a-z0-9+.-]*:\/\/[^/\s@:]*:[^/\s@]+@|hooks\.slack\.com\/services\//i;
const reference = /\$\{([^}]*)\}/g;

export function checkDestination(known: Known, at: Placed<DestinationDefinition>): void {
  const { type, settings } = at.definition;
  if (!type.startsWith("catalogue:") && !destinationTypes.includes(type)) {
    known.report(
      at,
      ["type"],
      `There is no destination type \`${type}\`.`,
      suggestion(type, [...destinationTypes, "catalogue:<slug>"], "types"),
    );
  } else if (type === "catalogue:") {
    known.report(at, ["type"], "The catalogue's destination is not named.", "Write for example `type: catalogue:hubspot`.");
  }
  checkSettings(known, at, ["settings"], settings);
}

function checkSettings(known: Known, at: Placed<DestinationDefinition>, path: readonly PropertyKey[], value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => checkSettings(known, at, [...path, index], item));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) checkSettings(known, at, [...path, key], inner);
  } else if (typeof value === "string" && value !== "") {
    checkText(known, at, path, value);
  }
}

function checkText(known: Known, at: Placed<DestinationDefinition>, path: readonly PropertyKey[], value: string): void {
  const names = [...value.matchAll(reference)].map((match) => match[1] ?? "");
  const odd = names.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    known.report(at, path, `\`\${${odd}}\` names no environment variable.`, "A name has letters, digits and underscores: `${CRM_TOKEN}`.");
    return;
  }
  const key = String(path.at(-1));
  const isSecret = (secretNames.test(key) && !/(_?(env|name|id|url|ttl|field|path|type))$/i.test(key)) || secretValues.test(value);
  if (!isSecret || names.length > 0) return;
  const variable = `${at.definition.name}_${key}`.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
  known.report(
    at,
    path,
    `\`${key}\` looks like a secret, and secrets are never written into definitions.`,
    `Write \`\${${variable}}\` and set that environment variable.`,
  );
}
