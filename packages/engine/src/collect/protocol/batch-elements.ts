import { isFields } from "./event-problem.js";
import { type Span, elementSpans, keyStart, nextKey, valueSpan } from "./json-text.js";

/**
 * Where the elements of a batch lie in its text. Nearly all clients write `[{…},{…}]` without blanks; then the elements
 * need not be scanned sign by sign, which would cost as much as parsing them. The proof that hopping from brace to brace
 * finds the right places:
 *
 * 1. The list is the one that was parsed: no key `batch` follows it, because no list ends before it does (no `]` in
 *    between), or because the word and `\u00` (it may be written with escapes) do not occur again.
 * 2. All elements are objects and no closing brace has a blank behind it, so every separator is exactly `},{`; if that
 *    occurs once less than there are elements, each occurrence is a separator.
 *
 * Anything else (blanks, lists of several objects inside an event, `},{` in a string) is scanned.
 * `depth` is exact when scanned, else an upper bound that is at most `depthMax` (there are no more closing signs).
 */
export function batchElements(text: string, document: unknown, batch: readonly unknown[], depthMax: number): readonly Span[] {
  const inside = !Array.isArray(document);
  const from = inside ? nextKey(text, undefined, "batch") : 0;
  if (from !== undefined && batch.length > 0 && batch.every(isFields)) {
    const quick = hop(text, from, batch.length, depthMax);
    if (quick !== undefined && (!inside || isParsedList(text, from, quick))) return quick.spans;
  }
  return elementSpans(text, inside ? (keyStart(text, "batch") ?? 0) : 0);
}

const comma = 44;
const closeList = 93;
const openObject = 123;

interface Quick {
  readonly spans: readonly Span[];
  /** Lists inside the elements. */
  readonly lists: number;
}

/** From closing brace to closing brace; undefined when it is not certain that the separators are those between elements. */
function hop(text: string, from: number, count: number, depthMax: number): Quick | undefined {
  const spans: Span[] = [];
  let start = text.indexOf("{", from);
  let list = nextOf(text, "]", start);
  let lists = 0;
  let closers = 0;
  const add = (end: number) => {
    for (; list < end; list = nextOf(text, "]", list + 1)) {
      lists += 1;
      closers += 1;
    }
    spans.push(closers <= depthMax ? { start, end, depth: closers } : valueSpan(text, start));
  };
  for (let at = text.indexOf("}", start); at !== -1; at = text.indexOf("}", at + 1)) {
    closers += 1;
    const next = text.charCodeAt(at + 1);
    if (next <= 32) return undefined;
    if (next !== comma) continue;
    const behind = text.charCodeAt(at + 2);
    if (behind <= 32) return undefined;
    if (behind !== openObject) continue;
    add(at + 1);
    if (spans.length === count) return undefined;
    start = at + 2;
    closers = 0;
  }
  if (spans.length !== count - 1) return undefined;
  // Braces behind the list count for the last element, which only makes its bound larger.
  add(valueSpan(text, start).end);
  return { spans, lists };
}

function isParsedList(text: string, from: number, { spans, lists }: Quick): boolean {
  const end = spans.at(-1)?.end ?? 0;
  if (text.charCodeAt(end) !== closeList || nextKey(text, end + 1, "batch") !== undefined) return false;
  return lists === 0 || (!text.includes('"batch"', from) && !text.includes("\\u00", from));
}

function nextOf(text: string, sign: string, from: number): number {
  const at = text.indexOf(sign, from);
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}
