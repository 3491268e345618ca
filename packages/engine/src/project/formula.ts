/**
 * Formula traits are SQL expressions over the traits of the same entity: `coalesce(seats_used / nullif(seats, 0), 0)`.
 * This splits one into tokens, so that the names in it are known without running it.
 */
export type FormulaToken =
  | { readonly type: "name"; readonly text: string; readonly offset: number }
  | { readonly type: "function"; readonly text: string; readonly offset: number }
  | { readonly type: "other"; readonly text: string; readonly offset: number };

/** Words of SQL expressions that are neither traits nor functions. */
const keywords = new Set(
  "and or not in is null true false case when then else end between like as integer bigint double varchar text boolean date timestamp interval decimal distinct from".split(
    " ",
  ),
);

const pattern = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\s+|::|[<>!=]=|<>|\|\||[\s\S]/g;

export function formulaTokens(formula: string): FormulaToken[] {
  return [...formula.matchAll(pattern)].map((match): FormulaToken => {
    const [text] = match;
    const offset = match.index;
    if (text.startsWith('"') && text.length > 1) return { type: "name", text: text.slice(1, -1), offset };
    if (!/^[A-Za-z_]/.test(text) || keywords.has(text.toLowerCase())) return { type: "other", text, offset };
    return { type: /^\s*\(/.test(formula.slice(offset + text.length)) ? "function" : "name", text, offset };
  });
}

/** The traits that a formula reads, each once, in order of appearance. */
export function formulaNames(formula: string): string[] {
  return [...new Set(formulaTokens(formula).flatMap((token) => (token.type === "name" ? [token.text] : [])))];
}
