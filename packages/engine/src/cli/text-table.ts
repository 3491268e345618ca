import type { Cell } from "../warehouse/warehouse.js";

/** Rows as an aligned table for people: numbers to the right, long texts cut to the terminal's width. */
export function textTable(columns: readonly string[], rows: readonly (readonly Cell[])[], width: number = 120): string {
  const cells = rows.map((row) => columns.map((_, index) => cellText(row[index] ?? null)));
  const isNumber = columns.map(
    (_, index) => rows.some((row) => row[index] !== null) && rows.every((row) => row[index] === null || typeof row[index] === "number"),
  );
  const natural = columns.map((column, index) => Math.max(column.length, ...cells.map((row) => [...(row[index] ?? "")].length)));
  const widths = fit(natural, width - 2 * (columns.length - 1));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, isNumber[index] ?? false))
      .join("  ")
      .trimEnd();
  return [line(columns), widths.map((size) => "─".repeat(size)).join("  "), ...cells.map(line)].join("\n");
}

const columnCharsMin = 8;

/** Widths that together fit, taken from the widest columns first. */
function fit(natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  for (let excess = widths.reduce((sum, size) => sum + size, 0) - room; excess > 0;) {
    const widest = widths.indexOf(Math.max(...widths));
    const size = widths[widest] ?? 0;
    if (size <= columnCharsMin) break;
    const next = Math.max(...widths.filter((_, index) => index !== widest), columnCharsMin);
    const cut = Math.min(excess, Math.max(1, size - next));
    widths[widest] = size - cut;
    excess -= cut;
  }
  return widths;
}

function pad(text: string, size: number, right: boolean): string {
  const letters = [...text];
  const cut = letters.length > size ? `${letters.slice(0, Math.max(0, size - 1)).join("")}…` : text;
  const space = " ".repeat(Math.max(0, size - [...cut].length));
  return right ? space + cut : cut + space;
}

export function cellText(cell: Cell): string {
  if (cell === null) return "·";
  // Control characters from data must not steer the terminal.
  const text = typeof cell === "object" ? JSON.stringify(cell) : String(cell);
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => (character === "\n" ? "↵" : "�"));
}
