import fc from "fast-check";
import { expect, test } from "vitest";
import { batchElements } from "../../src/collect/protocol/batch-elements.js";
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

test("elements found quickly are those found by scanning, whatever the events hold", () => {
  const awkward = fc.constantFrom("},{", "} ", "]", '"},{"', "a", "é", "\\");
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    awkward,
    fc.array(fc.record({ sku: awkward }), { maxLength: 3 }),
    fc.array(fc.array(fc.constant(1))),
  );
  const event = fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(awkward, value, { maxKeys: 4 }) },
    { weight: 1, arbitrary: fc.constantFrom(5, null, "},{", []) },
  );
  const separator = fc.constantFrom(",", ",", ",", ", ", " ,", ",\t");
  const extra = fc.constantFrom(
    "",
    ',"sentAt":"x"',
    ',"batch":[{"last":1},{"counts":2}]',
    ',"context":[{"a":1},{"b":2}]',
    ',"b\\u0061tch":[{},{}]',
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), separator, extra, fc.boolean(), (events, between, tail, wrapped) => {
      const list = `[${events.map((one) => JSON.stringify(one)).join(between)}]`;
      const text = Buffer.from(wrapped ? `{"batch":${list}${tail}}` : list).toString("latin1");
      const document = JSON.parse(text) as { batch: unknown[] } | unknown[];
      const batch = Array.isArray(document) ? document : document.batch;
      const found = batchElements(text, document, batch, 64);
      expect(found.map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown)).toEqual(batch);
      for (const { start, depth } of found) expect(depth).toBeGreaterThanOrEqual(valueSpan(text, start).depth);
    }),
    { numRuns: 3000 },
  );
});
