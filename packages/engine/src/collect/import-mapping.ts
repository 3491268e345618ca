import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { CambiumError, messageOf } from "../base/errors.js";
import { put } from "./import-rows.js";

/**
 * How rows of foreign files become Segment messages: a small YAML file instead of code.
 *
 * A value is a path into the row (`$.actor.login`), any other constant, or an object: `{ path, map, default, split, take,
 * each }`, `{ template: "repo-{$.repo.id}" }`, `{ first: [ … ] }`. A message is made for every entry of `messages` whose
 * `when` holds; with `once`, only for the first row with that value.
 */
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const pathValue = z
  .object({
    path: z.string().startsWith("$."),
    /** Value → value; what is not listed stays as it is, or becomes `default`. */
    map: z.record(z.string(), scalar).optional(),
    default: scalar.optional(),
    /** Cuts the text at this separator and takes one part. */
    split: z.string().min(1).optional(),
    take: z.number().int().optional(),
    /** Of a list: this path of each element. */
    each: z.string().startsWith("$.").optional(),
    as: z.enum(["text", "number", "boolean", "length"]).optional(),
  })
  .strict();

type ValueDefinition = z.infer<typeof scalar> | z.infer<typeof pathValue> | { template: string } | { first: ValueDefinition[] };
const value: z.ZodType<ValueDefinition> = z.lazy(() =>
  z.union([scalar, pathValue, z.object({ template: z.string() }).strict(), z.object({ first: z.array(value).min(1) }).strict()]),
);

type Fields = { [key: string]: ValueDefinition | Fields };
const fields: z.ZodType<Fields> = z.lazy(() => z.record(z.string(), z.union([value, fields])));

const condition = z
  .object({ path: z.string().startsWith("$."), is: scalar.optional(), in: z.array(scalar).optional(), exists: z.boolean().optional() })
  .strict();

const messageDefinition = z
  .object({
    type: z.enum(["track", "identify", "group", "page", "screen", "alias"]),
    when: z.union([condition, z.array(condition)]).optional(),
    once: value.optional(),
    messageId: value.optional(),
    timestamp: value.optional(),
    userId: value.optional(),
    anonymousId: value.optional(),
    groupId: value.optional(),
    previousId: value.optional(),
    event: value.optional(),
    name: value.optional(),
    properties: fields.optional(),
    traits: fields.optional(),
    context: fields.optional(),
  })
  .strict();

const mappingFile = z.object({ title: z.string().optional(), messages: z.array(messageDefinition).min(1).max(50) }).strict();

type Row = Readonly<Record<string, unknown>>;

export interface ImportMapping {
  /** Messages that a row stands for; none when no `when` holds. Throws an Error that says why a row cannot be mapped. */
  messagesOf(row: Row): Record<string, unknown>[];
}

/** Distinct `once` values remembered; when there are more, all are forgotten, and repeats are told by their messageId. */
const onceValuesMax = 1_000_000;

/** Rows are Segment messages already. */
export const segmentMapping: ImportMapping = {
  messagesOf(row) {
    const { type, userId, anonymousId } = row;
    if (typeof type !== "string") throw new Error("has no `type`: it is no Segment message; give a mapping file");
    if (userId === undefined && anonymousId === undefined) throw new Error("has neither `userId` nor `anonymousId`");
    return [{ ...row }];
  },
};

/** Checks and compiles a mapping file. */
export function importMapping(yaml: string, file: string): ImportMapping {
  let read: unknown;
  try {
    read = parseYaml(yaml);
  } catch (error) {
    throw new CambiumError("BAD_REQUEST", `${file} is not YAML: ${messageOf(error)}`);
  }
  const checked = mappingFile.safeParse(read);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new CambiumError("BAD_REQUEST", `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is no mapping"}`);
  }
  const makers = checked.data.messages.map(compileMessage);
  return { messagesOf: (row) => makers.map((make) => make(row)).filter((message) => message !== undefined) };
}

type Maker = (row: Row) => Record<string, unknown> | undefined;
type Reader = (row: Row) => unknown;

function compileMessage({ type, when, once, ...definition }: z.infer<typeof messageDefinition>): Maker {
  const conditions = (when === undefined ? [] : Array.isArray(when) ? when : [when]).map(compileCondition);
  const onceReader = once === undefined ? undefined : compileValue(once);
  const seen = new Set<unknown>();
  const readers = Object.entries(definition)
    .filter(([, defined]) => defined !== undefined)
    .flatMap(([field, defined]) => compileField([field], defined as ValueDefinition | Fields));
  return (row) => {
    if (!conditions.every((holds) => holds(row))) return undefined;
    if (onceReader !== undefined) {
      const key = onceReader(row);
      if (key === undefined || seen.has(key)) return undefined;
      if (seen.size >= onceValuesMax) seen.clear();
      seen.add(key);
    }
    const message: Record<string, unknown> = { type };
    for (const { steps, read } of readers) {
      const found = read(row);
      if (found !== undefined) put(message, steps, found);
    }
    for (const id of ["userId", "anonymousId", "groupId", "messageId"])
      if (typeof message[id] === "number") message[id] = String(message[id]);
    if (message["userId"] === undefined && message["anonymousId"] === undefined) throw new Error("gives neither userId nor anonymousId");
    if (type === "track" && typeof message["event"] !== "string") throw new Error("gives no event name");
    return message;
  };
}

const valueKeys = ["path", "template", "first"];

function compileField(steps: readonly string[], defined: ValueDefinition | Fields): { steps: readonly string[]; read: Reader }[] {
  const isValue = typeof defined !== "object" || valueKeys.some((key) => Object.hasOwn(defined, key));
  if (isValue) return [{ steps, read: compileValue(defined as ValueDefinition) }];
  return Object.entries(defined as Fields).flatMap(([key, inner]) => compileField([...steps, key], inner));
}

function compileValue(defined: ValueDefinition): Reader {
  if (typeof defined === "string" && defined.startsWith("$.")) return pathReader(defined);
  if (typeof defined !== "object") return () => defined;
  if ("template" in defined) return templateReader(defined.template);
  if ("first" in defined) {
    const readers = defined.first.map(compileValue);
    return (row) => {
      for (const read of readers) {
        const found = read(row);
        if (found !== undefined) return found;
      }
      return undefined;
    };
  }
  const { map, split, take = 0, each, as } = defined;
  const read = pathReader(defined.path);
  const inner = each === undefined ? undefined : pathReader(each);
  return (row) => {
    let found = read(row);
    if (found !== undefined && split !== undefined) found = String(found).split(split).at(take);
    if (inner !== undefined)
      found = Array.isArray(found) ? found.flatMap((element) => (isObject(element) ? (inner(element) ?? []) : [])) : undefined;
    if (found !== undefined && map !== undefined)
      found = Object.hasOwn(map, String(found)) ? map[String(found)] : (defined.default ?? found);
    if (found !== undefined && as !== undefined) found = converted(found, as);
    return found ?? defined.default;
  };
}

function converted(found: unknown, as: "text" | "number" | "boolean" | "length"): unknown {
  switch (as) {
    case "text":
      return typeof found === "object" ? JSON.stringify(found) : String(found);
    case "number": {
      const number = Number(found);
      return Number.isFinite(number) ? number : undefined;
    }
    case "boolean":
      return found === true || /^(true|yes|1)$/i.test(String(found));
    case "length":
      return Array.isArray(found) || typeof found === "string" ? found.length : undefined;
  }
}

/** Own properties only; null is nothing. */
function pathReader(path: string): Reader {
  const steps = path.slice(2).split(".");
  return (row) => {
    let place: unknown = row;
    for (const step of steps) {
      if (Array.isArray(place)) place = place[Number(step)];
      else if (isObject(place) && Object.hasOwn(place, step)) place = place[step];
      else return undefined;
    }
    return place ?? undefined;
  };
}

function templateReader(template: string): Reader {
  const parts = template.split(/\{(\$\.[^}]+)\}/).map((part, index) => (index % 2 === 0 ? part : pathReader(part)));
  return (row) => {
    let text = "";
    for (const part of parts) {
      const found = typeof part === "string" ? part : part(row);
      if (found === undefined) return undefined;
      text += String(found);
    }
    return text;
  };
}

function compileCondition(defined: z.infer<typeof condition>): (row: Row) => boolean {
  const read = pathReader(defined.path);
  return (row) => {
    const found = read(row);
    if (defined.exists !== undefined && (found !== undefined) !== defined.exists) return false;
    if (defined.is !== undefined && found !== defined.is) return false;
    return defined.in === undefined || defined.in.includes(found as string);
  };
}

const isObject = (thing: unknown): thing is Record<string, unknown> => typeof thing === "object" && thing !== null;
