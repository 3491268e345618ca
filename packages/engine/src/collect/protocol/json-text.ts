/**
 * Finds things in JSON text that is known to be valid, without building values: where the elements of a list start and
 * end, how deep it goes, and escapes that a warehouse cannot hold. The text is bytes read as Latin-1: JSON's own signs
 * are ASCII, so offsets in it are offsets in the bytes.
 */

export interface Span {
  readonly start: number;
  readonly end: number;
  /** Objects and lists inside each other; 1 for `{}`, 0 for a scalar. */
  readonly depth: number;
}

const quote = 34;
const comma = 44;
const openList = 91;
const backslash = 92;
const closeList = 93;
const openObject = 123;
const closeObject = 125;

/** The value that starts at or after `from`. */
export function valueSpan(text: string, from: number): Span {
  const start = skipSpace(text, from);
  let depth = 0;
  let deepest = 0;
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(text, at);
      if (depth === 0) break;
      continue;
    }
    if (code === openObject || code === openList) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === closeObject || code === closeList) {
      if (depth === 0) break;
      depth -= 1;
      if (depth === 0) {
        at += 1;
        break;
      }
    } else if (depth === 0 && (code === comma || isSpace(code) || Number.isNaN(code))) break;
    at += 1;
  }
  return { start, end: at, depth: deepest };
}

/** The elements of the list that starts at `from`. */
export function elementSpans(text: string, from: number): Span[] {
  const spans: Span[] = [];
  let at = skipSpace(text, skipSpace(text, from) + 1);
  while (text.charCodeAt(at) !== closeList) {
    const span = valueSpan(text, at);
    spans.push(span);
    at = skipSpace(text, span.end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return spans;
}

/** Where the value of a key of the outermost object starts; the last one counts, as for `JSON.parse`. */
export function keyStart(text: string, key: string): number | undefined {
  let found: number | undefined;
  for (let next = nextKey(text, undefined, key); next !== undefined; next = nextKey(text, valueSpan(text, next).end, key)) found = next;
  return found;
}

/** Where the value of the next such key of the outermost object starts; `behind` is the end of one of its values. */
export function nextKey(text: string, behind: number | undefined, key: string): number | undefined {
  let at = behind === undefined ? skipSpace(text, skipSpace(text, 0) + 1) : behindComma(text, behind);
  while (text.charCodeAt(at) === quote) {
    const nameEnd = stringEnd(text, at);
    // Behind the name there is a colon.
    const value = skipSpace(text, skipSpace(text, nameEnd) + 1);
    if (sameKey(text.slice(at, nameEnd), key)) return value;
    at = behindComma(text, valueSpan(text, value).end);
  }
  return undefined;
}

function behindComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text.charCodeAt(at) === comma ? skipSpace(text, at + 1) : at;
}

/** Does the text hold a NUL, or half of a surrogate pair, written as an escape? Such text is no text elsewhere. */
export function badEscape(text: string): "nul_character" | "lone_surrogate" | undefined {
  for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", at)) {
    if (text.charCodeAt(at + 1) !== 117) {
      at += 2;
      continue;
    }
    const unit = hexUnit(text, at);
    if (unit === 0) return "nul_character";
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const follows = text.startsWith("\\u", at) ? hexUnit(text, at) : 0;
    if (unit > 0xdbff || follows < 0xdc00 || follows > 0xdfff) return "lone_surrogate";
    at += 6;
  }
  return undefined;
}

/** A cheap look at a whole body: false means that `badEscape` finds nothing in any of its events. */
export function mayHaveBadEscape(text: string): boolean {
  return text.includes("\\u0000") || text.includes("\\ud") || text.includes("\\uD");
}

function hexUnit(text: string, at: number): number {
  return Number.parseInt(text.slice(at + 2, at + 6), 16);
}

function sameKey(quoted: string, key: string): boolean {
  if (quoted.length === key.length + 2) return quoted.slice(1, -1) === key;
  return quoted.includes("\\") && JSON.parse(quoted) === key;
}

/** The offset behind the closing quote of the string that starts at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote || Number.isNaN(code)) return at + 1;
    at += code === backslash ? 2 : 1;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
