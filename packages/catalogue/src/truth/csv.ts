/** RFC 4180, as Bulk API 2.0 speaks it: quotes doubled inside quotes, lines by LF or CRLF, newlines allowed inside quotes. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let value = "";
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character !== '"') value += character;
      else if (text[at + 1] === '"') {
        value += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ",") {
      row.push(value);
      value = "";
    } else if (character === "\n") {
      rows.push([...row, value]);
      row = [];
      value = "";
    } else if (character !== "\r") value += character;
  }
  if (value !== "" || row.length > 0) rows.push([...row, value]);
  return rows.filter((cells) => cells.length > 1 || cells[0] !== "");
}
