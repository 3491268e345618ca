import fc from "fast-check";
import { expect, test } from "vitest";
import { badEscape, elementSpans, keyStart, mayHaveBadEscape, valueSpan } from "../../src/collect/protocol/json-text.js";

test("the elements of any list are found where they are, however it is written", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 }), fc.constantFrom(undefined, 1, "\t"), (values, indent) => {
      const text = Buffer.from(JSON.stringify(values, undefined, indent)).toString("latin1");
      const found = elementSpans(text, 0).map(
        ({ start, end }) => JSON.parse(Buffer.from(text.slice(start, end), "latin1").toString()) as unknown,
      );
      expect(found).toEqual(JSON.parse(JSON.stringify(values)));
    }),
    { numRuns: 500 },
  );
});

test("the value of a key is the one JSON.parse takes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("batch", "a", 'q"', "\\u", "é"), fc.jsonValue({ maxDepth: 2 })), { maxLength: 6 }),
      (pairs) => {
        const text = `{${pairs.map(([key, value]) => ` ${JSON.stringify(key)} : ${JSON.stringify(value)} `).join(",")}}`;
        for (const key of ["batch", "a", 'q"', "missing"]) {
          const start = keyStart(text, key);
          const span = start === undefined ? undefined : valueSpan(text, start);
          const found = span === undefined ? undefined : (JSON.parse(text.slice(span.start, span.end)) as unknown);
          expect(found).toEqual((JSON.parse(text) as Record<string, unknown>)[key]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("an escaped key is found too", () => {
  expect(keyStart('{"b\\u0061tch":[1]}', "batch")).toBe(14);
});

test.each([
  ["{}", 1],
  ["[]", 1],
  ["1", 0],
  ['"[[["', 0],
  ['{"a":[{"b":"]]"}]}', 3],
  ["[[],[[]]]", 3],
])("depth of %s", (text, depth) => {
  expect(valueSpan(text, 0).depth).toBe(depth);
});

test("a bad escape is found exactly when the text is no text", () => {
  const unit = fc.constantFrom("\\u0000", "\\ud800", "\\uD83D", "\\udc00", "\\uDE00", "\\\\", "\\n", "\\u00e9", "u0000", "a", "\\\\u0000");
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 6 }), (units) => {
      const raw = `"${units.join("")}"`;
      const value = JSON.parse(raw) as string;
      const bad = value.includes("\0") || Buffer.from(value, "utf8").toString("utf8") !== value;
      expect(badEscape(raw) !== undefined).toBe(bad);
      if (bad) expect(mayHaveBadEscape(raw)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
