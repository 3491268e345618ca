import type { Sql } from "../sql.js";
import type { TableName } from "./stored-table.js";

/**
 * Takes a statement apart at the tables of the warehouse that it names, so that a transaction can put others in their
 * place. It works on the parts of a `Sql`, where a schema is marked as such: text, names and values stay as they are, and
 * what stands in comments and quotes is no table.
 */

type Part = Sql["parts"][number];

/** A table as a statement names it. */
export interface Named extends TableName {
  /** What stands for it where nothing takes its place. */
  readonly parts: readonly Part[];
  /** A name for its rows follows: `AS t`. */
  readonly hasAlias: boolean;
}

export type Piece = Part | { readonly named: Named };

export interface Statement {
  /** The first word, in small letters: `insert`, `select`, … */
  readonly verb: string;
  readonly pieces: readonly Piece[];
  /** Which piece is the table that the statement writes, makes or changes; undefined where that is none of the warehouse's. */
  readonly target: number | undefined;
}

const beforeTarget =
  /^\s*(?:insert\s+into|delete\s+from|truncate\s+table|alter\s+table|create\s+(?:or\s+replace\s+)?(?:table|view)(?:\s+if\s+not\s+exists)?|drop\s+(?:table|view)(?:\s+if\s+exists)?)\s*$/i;

export function takeApart(statement: Sql): Statement {
  const pieces: Piece[] = [];
  // What stands outside of comments and quotes before the first table, name or value.
  let lead = "";
  let isLead = true;
  let target: number | undefined;
  let within: Within = "";
  const read = (text: string) => {
    const outcome = readText(text, within);
    within = outcome.within;
    if (isLead) lead += outcome.bare;
  };
  const { parts } = statement;
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index] as Part;
    if ("text" in part) {
      read(part.text);
      pieces.push(part);
      continue;
    }
    const found = "schema" in part && within === "" ? tableAt(parts, index) : undefined;
    if (found !== undefined && isLead && beforeTarget.test(lead)) target = pieces.length;
    if (within === "") isLead = false;
    if (found === undefined) {
      pieces.push(part);
      continue;
    }
    pieces.push({ named: found.named }, ...found.rest);
    index = found.last;
    for (const rest of found.rest) if ("text" in rest) read(rest.text);
  }
  return { verb: /[a-z]+/i.exec(lead)?.[0].toLowerCase() ?? "", pieces, target };
}

/** The statement with `replace`'s answer for each table, itself where there is none. */
export function putTogether(pieces: readonly Piece[], replace: (named: Named) => Sql | undefined): Sql {
  return {
    parts: pieces.flatMap((piece): readonly Part[] => ("named" in piece ? (replace(piece.named)?.parts ?? piece.named.parts) : [piece])),
  };
}

/** What a text ends inside of: nothing, a quote, or a comment. */
type Within = "" | "'" | '"' | "`" | "/*" | "--";

const ends: Record<Exclude<Within, "">, RegExp> = {
  "'": /\\.|'/gs,
  '"': /\\.|"/gs,
  "`": /\\.|`/gs,
  "/*": /\*\//g,
  "--": /\n/g,
};

/** Reads over a text; `bare` is what of it stands outside of comments and quotes. */
function readText(text: string, start: Within): { within: Within; bare: string } {
  let within = start;
  let bare = "";
  let at = 0;
  for (;;) {
    const pattern = within === "" ? /'|"|`|\/\*|--/g : ends[within];
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (within === "") bare += text.slice(at, found?.index);
    if (found === null) return { within, bare };
    at = found.index + found[0].length;
    if (within === "") within = found[0] as Within;
    else if (!found[0].startsWith("\\")) within = "";
  }
}

/** `growth.users`, `growth."users"` or `growth.` and a name: the table that begins with the schema at `index`. */
function tableAt(parts: readonly Part[], index: number): { named: Named; rest: Part[]; last: number } | undefined {
  const { schema } = parts[index] as { schema: string };
  const next = parts[index + 1];
  if (next === undefined || !("text" in next)) return undefined;
  const after = parts[index + 2];
  if (next.text === "." && after !== undefined && "name" in after) {
    const own = parts.slice(index, index + 3);
    return { named: { schema, table: after.name, parts: own, hasAlias: aliasFollows(parts, index + 3) }, rest: [], last: index + 2 };
  }
  const written = /^\.(\w+|"(?:[^"\\]|\\.)*")/.exec(next.text);
  if (written === null) return undefined;
  const word = written[1] as string;
  const table = word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, "$1") : word;
  const rest: Part[] = [{ text: next.text.slice(written[0].length) }, ...parts.slice(index + 2)];
  const own: Part[] = [parts[index] as Part, { text: written[0] }];
  // A column with the name of its table before it is no table.
  if ((rest[0] as { text: string }).text.startsWith(".")) return undefined;
  return { named: { schema, table, parts: own, hasAlias: aliasFollows(rest, 0) }, rest: rest.slice(0, 1), last: index + 1 };
}

const noAlias =
  /^(?:where|on|join|left|right|full|inner|outer|cross|group|order|limit|having|union|except|intersect|qualify|window|using|final|array|settings|format|asof|any|all|global|anti|semi|natural|prewhere|sample|offset|fetch|select|values)$/i;

function aliasFollows(parts: readonly Part[], index: number): boolean {
  const next = parts[index];
  if (next === undefined || !("text" in next)) return false;
  if (/^\s+$/.test(next.text)) {
    const after = parts[index + 1];
    return after !== undefined && "name" in after;
  }
  const word = /^\s+(\w+|")/.exec(next.text)?.[1];
  return word !== undefined && !noAlias.test(word);
}
