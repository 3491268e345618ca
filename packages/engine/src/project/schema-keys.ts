import { z } from "zod";
import { valueAt } from "./readable-issues.js";

/** The keys that a schema knows at a path of a value: what "did you mean" is chosen from. */
export function keysAt(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): string[] {
  let candidates: z.ZodType[] = [schema];
  path.forEach((part, index) => {
    const here = valueAt(value, path.slice(0, index));
    candidates = bestFitting(candidates.flatMap(unwrap), here).flatMap((candidate) => step(candidate, part));
  });
  return bestFitting(candidates.flatMap(unwrap), valueAt(value, path)).flatMap((candidate) =>
    candidate instanceof z.ZodObject ? Object.keys(candidate.shape) : [],
  );
}

/** The keys that some form of the definition has at this path, whether or not it is the one that was meant. */
export function allKeysAt(schema: z.ZodType, path: readonly PropertyKey[]): Set<string> {
  let candidates = unwrap(schema);
  for (const part of path) candidates = candidates.flatMap((candidate) => step(candidate, part)).flatMap(unwrap);
  return new Set(candidates.flatMap((candidate) => (candidate instanceof z.ZodObject ? Object.keys(candidate.shape) : [])));
}

function unwrap(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable || schema instanceof z.ZodLazy) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  // A discriminated union is a ZodUnion too.
  if (schema instanceof z.ZodUnion) return (schema.options as readonly z.ZodType[]).flatMap(unwrap);
  return [schema];
}

function step(schema: z.ZodType, part: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const next: unknown = (schema.shape as Record<PropertyKey, unknown>)[part];
    return next instanceof z.ZodType ? [next] : [];
  }
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  if (schema instanceof z.ZodTuple) return schema.def.items as z.ZodType[];
  return [];
}

/** Of a union's branches those that share most keys with the value; a literal (`type: count`) that agrees weighs more. */
function bestFitting(schemas: readonly z.ZodType[], value: unknown): z.ZodType[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [...schemas];
  const scored = schemas.map((schema) => ({ schema, fit: fitOf(schema, value as Record<string, unknown>) }));
  const best = Math.max(...scored.map(({ fit }) => fit));
  return scored.filter(({ fit }) => fit === best).map(({ schema }) => schema);
}

function fitOf(schema: z.ZodType, value: Record<string, unknown>): number {
  if (!(schema instanceof z.ZodObject)) return -1;
  let fit = 0;
  for (const [key, inner] of Object.entries(schema.shape as Record<string, z.ZodType>)) {
    if (value[key] === undefined) continue;
    fit += 1;
    const closed = inner instanceof z.ZodLiteral || inner instanceof z.ZodEnum;
    if (closed) fit += inner.safeParse(value[key]).success ? 100 : -100;
  }
  return fit;
}
