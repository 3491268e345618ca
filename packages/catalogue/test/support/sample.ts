import type { CatalogueAction, CatalogueEntry, CatalogueField } from "../../src/entry.js";

/** A plausible value for every field, from its declaration alone: for running actions that nobody set up by hand. */

export function sampleSettings(entry: CatalogueEntry): Record<string, unknown> {
  const own = Object.fromEntries(entry.settings.map((field) => [field.name, sampleValue(field)]));
  return { access_token: "sample-token", ...own, ...settingsByHand[entry.slug] };
}

export function sampleFields(action: CatalogueAction): Record<string, unknown> {
  const fields = action.fields.filter((field) => !machinery.test(field.name) && !(field.hidden === true && field.default !== undefined));
  return Object.fromEntries(fields.map((field) => [field.name, sampleValue(field)]));
}

const machinery = /^(enable_batching|batch_size|batch_bytes|batch_keys)$/;

/** Settings that only look like free text. */
const settingsByHand: Readonly<Record<string, Record<string, unknown>>> = {
  salesforce: { instanceUrl: "https://acme.my.salesforce.com/", username: undefined, auth_password: undefined, security_token: undefined },
};

function sampleValue(field: CatalogueField): unknown {
  const [choice] = field.choices ?? [];
  const one = isPlain(field.default) && field.default !== "" ? field.default : choice !== undefined ? choice.value : byType(field);
  return field.multiple === true && !Array.isArray(one) ? [one] : one;
}

const isPlain = (value: unknown) => typeof value === "string" || typeof value === "number" || typeof value === "boolean";

function byType(field: CatalogueField): unknown {
  switch (field.type) {
    case "boolean":
      return true;
    case "number":
    case "integer":
      return Math.max(field.minimum ?? 1, 1);
    case "datetime":
      return "2026-03-01T12:00:00.000Z";
    case "object": {
      const inner = field.properties ?? [];
      return inner.length === 0 ? { sample: "value" } : Object.fromEntries(inner.map((property) => [property.name, sampleValue(property)]));
    }
    default:
      return text(field);
  }
}

function text(field: CatalogueField): string {
  const name = `${field.name} ${field.format ?? ""} ${field.label}`.toLowerCase();
  if (/e-?mail/.test(name)) return "ada@example.com";
  if (/slack/.test(name)) return "https://hooks.slack.com/services/T0/B0/X0";
  if (/ur[il]|endpoint|webhook/.test(name)) return "https://api.example.com/x";
  if (/host|domain|subdomain|server/.test(name)) return "api.example.com";
  if (/phone|mobile/.test(name)) return "+14155550123";
  if (/(time|date|_at|birth|created|occurred)/.test(name) && !/update_|_datacent/.test(name)) return "2026-03-01T12:00:00.000Z";
  if (/currency/.test(name)) return "USD";
  if (/country/.test(name)) return "US";
  if (/language|locale/.test(name)) return "en";
  if (/\bip\b|ip_address/.test(name)) return "203.0.113.7";
  if (/json|payload/.test(name)) return '{"a":1}';
  if (/id\b|number|amount|price|quantity|value|revenue/.test(name)) return "12345";
  return "sample";
}
