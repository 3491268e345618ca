import type { Cell } from "../../../src/warehouse/warehouse.js";

/** Text at paths of JSON values: `text` is `jsonText`, `json` is `jsonAt` read as text. */
export interface JsonCase {
  readonly json: string | null;
  readonly path: readonly string[];
  readonly text: Cell;
  readonly kind?: Cell;
  /** What an engine answers that keeps numbers as numbers. */
  readonly known?: Readonly<Record<string, Cell>>;
}

const deep = `${'{"a":'.repeat(60)}1${"}".repeat(60)}`;

export const jsonCases: readonly JsonCase[] = [
  { json: null, path: ["a"], text: null },
  { json: "{}", path: ["a"], text: null },
  { json: '{"a":null}', path: ["a"], text: null, kind: "null" },
  { json: '{"a":""}', path: ["a"], text: "", kind: "text" },
  { json: '{"a":"x\\"y\\\\z\\n"}', path: ["a"], text: 'x"y\\z\n' },
  { json: '{"a":"\\u00e9\\ud83d\\ude00"}', path: ["a"], text: "é😀" },
  { json: '{"a":"日本"}', path: ["a"], text: "日本" },
  { json: '{"a":5}', path: ["a"], text: "5", kind: "number" },
  { json: '{"a":-0.25}', path: ["a"], text: "-0.25", kind: "number" },
  { json: '{"a":1e-7}', path: ["a"], text: "1e-7", kind: "number" },
  { json: '{"a":0.000001}', path: ["a"], text: "0.000001" },
  { json: '{"a":1e21}', path: ["a"], text: "1e21" },
  { json: '{"a":9007199254740993}', path: ["a"], text: "9007199254740993" },
  { json: '{"a":18446744073709551615}', path: ["a"], text: "18446744073709551615" },
  { json: '{"a":1.0}', path: ["a"], text: "1.0", known: { clickhouse: "1" } },
  { json: '{"a":true}', path: ["a"], text: "true", kind: "boolean" },
  { json: '{"a":false}', path: ["a"], text: "false", kind: "boolean" },
  { json: '{"a":{"b":[1,{"c":"d"}]}}', path: ["a"], text: '{"b":[1,{"c":"d"}]}', kind: "object" },
  { json: '{"a":{"b":[1,{"c":"d"}]}}', path: ["a", "b"], text: '[1,{"c":"d"}]', kind: "list" },
  { json: '{"a":{"b":[1,{"c":"d"}]}}', path: ["a", "b", "1", "c"], text: "d" },
  { json: '{"a":{"b":[1,{"c":"d"}]}}', path: ["a", "b", "0"], text: "1" },
  { json: '{"a":{"b":[1,{"c":"d"}]}}', path: ["a", "b", "2"], text: null },
  { json: '{"a":{"0":"key"}}', path: ["a", "0"], text: "key" },
  { json: '{"a":{"b":1}}', path: ["a", "b", "c"], text: null },
  { json: '{"a":"text"}', path: ["a", "b"], text: null },
  { json: '{"a":1,"a":2}', path: ["a"], text: "1" },
  { json: '{"A":1}', path: ["a"], text: null },
  { json: '{"":"empty"}', path: [""], text: "empty" },
  { json: '{"a.b":"dot"}', path: ["a.b"], text: "dot" },
  { json: '{"*":"star"}', path: ["*"], text: "star" },
  { json: '{"$":"dollar"}', path: ["$"], text: "dollar" },
  { json: '{"~1":"tilde"}', path: ["~1"], text: "tilde" },
  { json: '{"a/b":"slash"}', path: ["a/b"], text: "slash" },
  { json: '{"\'":"quote"}', path: ["'"], text: "quote" },
  { json: '{"\\"":"double"}', path: ['"'], text: "double" },
  { json: '{"\\\\":"backslash"}', path: ["\\"], text: "backslash" },
  { json: '{"é日":"unicode"}', path: ["é日"], text: "unicode" },
  { json: '{"__proto__":"p","constructor":"c"}', path: ["__proto__"], text: "p" },
  { json: '{"\'); DROP TABLE raw.events; --":"sql"}', path: ["'); DROP TABLE raw.events; --"], text: "sql" },
  { json: '{" ":"blank"}', path: [" "], text: "blank" },
  { json: '"just text"', path: [], text: "just text" },
  { json: "5", path: [], text: "5" },
  { json: '"just text"', path: ["a"], text: null },
  { json: "[1,2]", path: ["1"], text: "2" },
  { json: deep, path: Array.from({ length: 60 }, () => "a"), text: "1" },
  { json: JSON.stringify({ a: "x".repeat(1_000_000) }), path: ["a"], text: "x".repeat(1_000_000) },
];
