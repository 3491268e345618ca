import { expect, test, vi } from "vitest";
import { compileMapping } from "../../src/activate/mapping.js";
import { sync } from "../../src/project/kinds/sync.js";
import type { Row } from "../../src/warehouse/warehouse.js";

const compiled = (mapping: Record<string, unknown>) =>
  compileMapping(sync.parse({ name: "s", from: { entity: "user" }, destination: "d", mapping }));
const check = (mapping: Record<string, unknown>, row: Row, fields: unknown) => expect(compiled(mapping).fields(row)).toEqual(fields);

test("columns, constants, templates and nesting", () => {
  check(
    { a: "x", "b.c": { constant: 1 }, "b.d": { template: "{{ x | upcase }} of {{ y }}" } },
    { x: "one", y: 2 },
    { a: "one", b: { c: 1, d: "ONE of 2" } },
  );
  check({ a: { column: "missing", default: "?" } }, {}, { a: "?" });
});

test("transforms never throw", () => {
  const cases: [string, unknown, unknown][] = [
    ["lower", "ABC", "abc"],
    ["upper", "abc", "ABC"],
    ["trim", "  a ", "a"],
    ["round", 2.5, 3],
    ["integer", -2.7, -2],
    ["number", "12.5", 12.5],
    ["number", "twelve", null],
    ["string", 5, "5"],
    ["boolean", "yes", true],
    ["boolean", 0, false],
    ["json", '{"a":1}', { a: 1 }],
    ["json", "not json", "not json"],
    ["unix_seconds", "2026-03-01T12:00:00.500000Z", 1_772_366_400],
    ["date", "2026-03-01T12:00:00.500000Z", "2026-03-01"],
    ["sha256", " A@Example.com ", "08168cd80dfd534ab0f10af10f1303fe00af2d43ab5c1432360d137f8197e17a"],
  ];
  for (const [transform, value, expected] of cases) {
    const { a } = compiled({ a: { column: "x", transform } }).fields({ x: value as string });
    expect(a, `${transform} of ${String(value)}`).toEqual(expected);
  }
  expect(compiled({ a: { column: "x", transform: "lower" } }).fields({ x: null })).toEqual({ a: null });
});

test("what the mapping reads is known: it decides whether a row changed", () => {
  expect(
    compiled({ a: "x", b: { template: "{% if plan == 'pro' %}{{ seats }}{% endif %}{% assign z = 1 %}{{ z }}" }, c: { constant: 1 } })
      .columns,
  ).toEqual(["key", "plan", "seats", "x"]);
  expect(compiled({ a: "x" }).fingerprint).not.toBe(compiled({ a: { constant: "x" } }).fingerprint);
});

test("a machine that pauses while a template renders refuses no row", () => {
  const moments = [0, 5_000];
  const clock = vi.spyOn(performance, "now").mockImplementation(() => moments.shift() ?? 5_000);
  try {
    expect(compiled({ a: { template: "{{ x }}!" } }).fields({ x: 1 })).toEqual({ a: "1!" });
    expect(moments).toEqual([]);
  } finally {
    clock.mockRestore();
  }
});

test("templates are strict and bounded, and read no files", () => {
  expect(() => compiled({ a: { template: "{{ x | nonsense }}" } }).fields({ x: 1 })).toThrow("nonsense");
  expect(() => compiled({ a: { template: "{{ x" } })).toThrow("sync s, field a: the template does not parse");
  expect(() => compiled({ a: { template: "{% for i in (1..100000000) %}{{ i }}{% endfor %}" } }).fields({})).toThrow(/limit/);
  expect(() => compiled({ a: { template: "{% include '/etc/passwd' %}" } }).fields({})).toThrow();
});

test("names that would reach a prototype are refused", () => {
  for (const field of ["__proto__.x", "a.constructor", "a..b", "prototype"])
    expect(() => compiled({ [field]: "x" })).toThrow("is not a name or a dotted path");
});
