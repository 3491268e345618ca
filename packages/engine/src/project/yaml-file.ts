import { type Document, LineCounter, isMap, isNode, isScalar, isSeq, parseAllDocuments, visit } from "yaml";
import type { Problem } from "./problem.js";

/** Definitions of a YAML file with the place of every part, so that a problem can be pointed at. */

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface YamlDefinition {
  readonly file: string;
  readonly value: unknown;
  /** Where the value at a path stands, or its key with `key`; the nearest parent's place where the path leads nowhere. */
  place(path: readonly PropertyKey[], of?: "key" | "value"): Place;
}

/** A file holds one definition, a list of them, or several documents; empty documents are skipped. */
export function parseYamlFile(file: string, text: string): { definitions: YamlDefinition[]; problems: Problem[] } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems: Problem[] = [];
  const definitions: YamlDefinition[] = [];
  for (const document of "empty" in documents ? [] : documents) {
    for (const error of document.errors) problems.push({ file, ...at(lines, error.pos[0]), path: "", ...yamlWords(error, text) });
    if (document.errors.length > 0) continue;
    keepNullKeys(document);
    const value = valueOf(document, file, lines, problems);
    if (value === null || value === undefined) continue;
    if (isDeeper(value, depthMax)) {
      const message = `This nests deeper than ${depthMax} levels.`;
      problems.push({
        file,
        ...at(lines, document.range?.[0] ?? 0),
        path: "",
        message,
        remedy: "Split it: audiences can name other audiences.",
      });
      continue;
    }
    const items: [unknown, PropertyKey[]][] = Array.isArray(value) ? value.map((item, index) => [item, [index]]) : [[value, []]];
    for (const [item, prefix] of items) {
      definitions.push({ file, value: item, place: (path, of) => ({ file, ...placeIn(document, lines, [...prefix, ...path], of) }) });
    }
  }
  return { definitions, problems };
}

/** Objects and lists within each other; conditions that people write have a handful. */
const depthMax = 100;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** `null: zero` in a component means the key "null"; YAML reads the word as nothing, even before a colon. */
function keepNullKeys(document: Document): void {
  visit(document, {
    Pair(_, pair) {
      if (isScalar(pair.key) && pair.key.value === null && pair.key.source === "null") pair.key.value = "null";
    },
  });
}

/** Aliases that cannot be resolved show up only when the document is turned into plain data. */
function valueOf(document: Document, file: string, lines: LineCounter, problems: Problem[]): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({ file, ...at(lines, document.range?.[0] ?? 0), path: "", message: `This YAML cannot be read: ${message}.` });
    return undefined;
  }
}

function placeIn(document: Document, lines: LineCounter, path: readonly PropertyKey[], of: "key" | "value" = "value") {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [index, part] of path.entries()) {
    let key: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(part));
      key = pair?.key;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
    } else {
      break;
    }
    const last = index === path.length - 1;
    const found = last && of === "key" ? (key ?? node) : isNode(node) && node.range ? node : key;
    if (!isNode(found)) break;
    offset = found.range?.[0] ?? offset;
  }
  return at(lines, offset);
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function yamlWords(error: { code: string; message: string; pos: [number, number] }, text: string): { message: string; remedy: string } {
  const excerpt = text.slice(error.pos[0], error.pos[0] + 40).split(/[\n:]/)[0] ?? "";
  switch (error.code) {
    case "DUPLICATE_KEY":
      return {
        message: `The key \`${excerpt.trim()}\` stands here twice.`,
        remedy: "Remove one of the two; YAML would silently keep the last.",
      };
    case "TAB_AS_INDENT":
      return { message: "This line is indented with a tab.", remedy: "Indent YAML with spaces." };
    case "BAD_INDENT":
      if (error.message.startsWith("Flow")) {
        return { message: "A bracket that was opened above is not closed before this line.", remedy: "Close it, or indent this line." };
      }
      return { message: "The indentation does not fit the lines above.", remedy: "Keys of one object start in the same column." };
    default:
      return {
        message: `This is not valid YAML: ${error.message.replace(/\.$/, "")}.`,
        remedy: "Check quotes, colons and indentation here.",
      };
  }
}
