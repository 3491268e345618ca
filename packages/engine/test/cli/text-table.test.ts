import { expect, test } from "vitest";
import { textTable } from "../../src/cli/text-table.js";
import { progressOn } from "../../src/cli/progress.js";
import picocolors from "picocolors";

test("numbers stand right, long texts are cut to the width, nulls and control characters show", () => {
  const table = textTable(
    ["name", "n", "note"],
    [
      ["a", 1, null],
      ["bb", 22, "x\u001b[31my\nz"],
      ["c", null, "long ".repeat(20)],
    ],
    40,
  );
  expect(table.split("\n")).toEqual([
    "name   n  note",
    "────  ──  ──────────────────────────────",
    "a      1  ·",
    "bb    22  x�[31my↵z",
    "c      ·  long long long long long long…",
  ]);
  for (const line of table.split("\n")) expect([...line].length).toBeLessThanOrEqual(40);
});

test("lists and objects are shown as JSON, and no rows are only the head", () => {
  expect(textTable(["a"], [[["x", 1]], [{ b: true }]])).toBe('a\n──────────\n["x",1]\n{"b":true}');
  expect(textTable(["a", "bc"], [])).toBe("a  bc\n─  ──");
});

test("without a terminal progress is a few plain lines", () => {
  let text = "";
  const terminal = {
    out: () => {},
    err: (line: string) => void (text += line),
    colors: picocolors.createColors(false),
    outIsTerminal: false,
    errIsTerminal: false,
    columns: 80,
  };
  const task = progressOn(terminal).task("Loading", 1000, "events");
  for (let index = 0; index < 1000; index += 1) task.advance();
  task.done("1000 stored");
  expect(text).toBe(
    "Loading …\nLoading 25%  250/1,000 events\nLoading 50%  500/1,000 events\nLoading 75%  750/1,000 events\nLoading done: 1000 stored\n",
  );
  text = "";
  progressOn(terminal, true).task("Quiet", 1).done();
  expect(text).toBe("");
});
