/**
 * ClickHouse names a selected column `b.k` where another table of the join has a `k` too; the standard names it `k`. Gives
 * such columns their name in so many words: `SELECT b.k FROM …` becomes `SELECT b.k AS k FROM …`, at any depth. Whatever
 * is not a bare `table.column` in a list of a SELECT is left as it stands, and so are names that would come twice. Only a
 * small number that stands for itself gets a type that is a number's.
 */
export function nameColumns(statement: string): string {
  const additions: { at: number; text: string }[] = [];
  const lists: List[] = [{ items: undefined, current: [] }];
  for (const token of tokensOf(statement)) {
    const list = lists.at(-1) as List;
    const word = token.text.toLowerCase();
    if (token.text === "(") {
      list.current.push(token);
      lists.push({ items: undefined, current: [] });
    } else if (token.text === ")") {
      finish(list, additions);
      if (lists.length > 1) lists.pop();
      (lists.at(-1) as List).current.push(token);
    } else if (word === "select") {
      finish(list, additions);
      list.items = [];
      list.current = [];
    } else if (list.items !== undefined && word === "distinct" && list.items.length === 0 && list.current.length === 0) {
      continue;
    } else if (list.items !== undefined && endOfList.has(word)) {
      finish(list, additions);
    } else if (list.items !== undefined && token.text === ",") {
      list.items.push(list.current);
      list.current = [];
    } else list.current.push(token);
  }
  finish(lists[0] as List, additions);
  if (additions.length === 0) return statement;
  let text = "";
  let done = 0;
  for (const { at, text: added } of additions.sort((a, b) => a.at - b.at)) {
    text += statement.slice(done, at) + added;
    done = at;
  }
  return text + statement.slice(done);
}

export interface Token {
  readonly text: string;
  readonly end: number;
}

/** What stands between two brackets; `items` while it is the list of a SELECT. */
interface List {
  items: Token[][] | undefined;
  current: Token[];
}

const endOfList = new Set([
  "from",
  "where",
  "group",
  "having",
  "order",
  "limit",
  "union",
  "except",
  "intersect",
  "qualify",
  "settings",
  "format",
  "window",
]);
const tokens = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|\/\*[\s\S]*?\*\/|[\p{L}\p{N}_$]+|\S/gsu;

/** The statement without comments; texts and quoted names are one token each. */
export function* tokensOf(statement: string): Iterable<Token> {
  for (const match of statement.matchAll(tokens)) {
    const text = match[0];
    if (!text.startsWith("--") && !text.startsWith("/*")) yield { text, end: match.index + text.length };
  }
}

function finish(list: List, additions: { at: number; text: string }[]): void {
  if (list.items === undefined) {
    list.current = [];
    return;
  }
  const items = [...list.items, list.current];
  list.items = undefined;
  list.current = [];
  const given = items.map(nameOfItem);
  items.forEach((item, index) => {
    const number = smallNumber(item);
    if (number !== undefined) additions.push({ at: number.end, text: "::UInt16" });
    const column = bareColumn(item);
    if (column === undefined || given.filter((other) => other === given[index]).length > 1) return;
    additions.push({ at: column.end, text: ` AS ${column.text}` });
  });
}

/** `table.column`, where table may be `schema.table`. */
function bareColumn(item: readonly Token[]): Token | undefined {
  const fits =
    (item.length === 3 || item.length === 5) && item.every((token, index) => (index % 2 === 0 ? isName(token) : token.text === "."));
  return fits ? item.at(-1) : undefined;
}

/** A number below 256 by itself would be of the type of truth values (see `quoteValue` in `dialect.ts`). */
function smallNumber(item: readonly Token[]): Token | undefined {
  const [first, next] = item;
  const stands = first !== undefined && /^\d{1,3}$/.test(first.text) && (next === undefined || next.text.toLowerCase() === "as");
  return stands ? first : undefined;
}

function nameOfItem(item: readonly Token[]): string {
  return (item.at(-1)?.text ?? "").replace(/^["`](.*)["`]$/s, "$1");
}

function isName({ text }: Token): boolean {
  return /^(["`]|[\p{L}_])/u.test(text);
}
