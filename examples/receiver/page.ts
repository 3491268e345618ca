import type { Json } from "./apis/api.js";
import type { requestRecords } from "./records.js";
import type { Tool, ToolTable } from "./tools.js";

/** Pages that a person reads: what each tool holds, as tables. No scripts; they reload themselves. */

type Records = ReturnType<typeof requestRecords>;

export function overviewPage(
  tools: readonly Tool[],
  records: Records,
  faults: readonly { type: string; match: string; hit: number }[],
): string {
  const cards = tools.map(
    (tool) =>
      `<section class="card"><h2><a href="/tools/${encodeURIComponent(tool.name)}">${text(tool.name)}</a></h2><dl>${tool.tables
        .map((table) => `<div><dt>${text(table.name)}</dt><dd>${table.count.toLocaleString("en")}</dd></div>`)
        .join("")}</dl></section>`,
  );
  const trouble = faults.map((fault) => `<li>${text(fault.type)} at ${text(fault.match || "everything")}, ${fault.hit} times so far</li>`);
  return page(
    "What the tools received",
    `<p>${records.count().toLocaleString("en")} requests so far. <a href="/requests">The newest of them</a></p>
${trouble.length === 0 ? "" : `<p>Trouble on purpose:</p><ul>${trouble.join("")}</ul>`}
${cards.length === 0 ? "<p>Nothing yet. Tools appear here with the first row that reaches them.</p>" : `<div class="cards">${cards.join("")}</div>`}`,
  );
}

export function toolPage(tool: Tool): string {
  return page(tool.name, tool.tables.map(tableOf).join(""));
}

export function requestsPage(records: Records): string {
  const rows = [...records.newest()].reverse().slice(0, 100);
  const lines = rows.map(
    (one) => `<tr><td>${text(one.at.slice(11, 23))}</td><td>${text(one.tool)}</td><td>${text(one.method)} ${text(one.path)}</td>
<td class="number">${one.bytes.toLocaleString("en")}</td><td>${one.status === 0 ? "cut" : one.status}</td>
<td><details><summary>show</summary><pre>${text(pretty(one.body))}</pre><p>answered</p><pre>${text(pretty(one.answer))}</pre></details></td></tr>`,
  );
  return page(
    "Newest requests",
    `<div class="scroll"><table><thead><tr>${["At (UTC)", "Tool", "Request", "Bytes", "Status", "Body"].map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>${lines.join("")}</tbody></table></div>`,
  );
}

const columnsMax = 14;

function tableOf(table: ToolTable): string {
  const rows = table.rows.map(flat);
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))].slice(0, columnsMax);
  const shown = table.count > rows.length ? `, the newest ${rows.length} shown` : "";
  return `<section><h2>${text(table.name)}</h2><p>${table.count.toLocaleString("en")} records${shown}${table.note === "" ? "" : ` · ${text(table.note)}`}</p>
<div class="scroll"><table><thead><tr>${columns.map((column) => `<th scope="col">${text(column)}</th>`).join("")}</tr></thead><tbody>
${rows.map((row) => `<tr>${columns.map((column) => cell(row.get(column))).join("")}</tr>`).join("\n")}</tbody></table></div></section>`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return `<td class="none">–</td>`;
  if (typeof value === "number")
    return `<td class="number">${value.toLocaleString("en", { maximumFractionDigits: 4, useGrouping: false })}</td>`;
  return `<td>${text(Array.isArray(value) ? value.map(String).join(", ") : String(value))}</td>`;
}

/** Nested objects become `a.b` columns; lists of plain values stay together. */
function flat(row: Json): Map<string, unknown> {
  const cells = new Map<string, unknown>();
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) cells.set(path, value);
    else if (Array.isArray(value))
      cells.set(
        path,
        value.map((item) => (typeof item === "object" ? JSON.stringify(item) : item)),
      );
    else for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`);
  };
  walk(row, "");
  return cells;
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<title>${text(title)} · receiver</title><style>
:root { color-scheme: light dark; --line: light-dark(#d8dce2, #3a3f47); --soft: light-dark(#f4f6f8, #1e2227); --dim: light-dark(#5b6470, #9aa4b0); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 90rem; }
a { color: inherit; } h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-bottom: 0.3rem; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.card { border: 1px solid var(--line); border-radius: 0.6rem; padding: 0.4rem 1rem 1rem; background: var(--soft); }
dl { margin: 0; } dl div { display: flex; justify-content: space-between; gap: 1rem; } dt { color: var(--dim); overflow-wrap: anywhere; } dd { margin: 0; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 0.6rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.35rem 0.7rem; border-bottom: 1px solid var(--line); white-space: nowrap; max-width: 30rem; overflow: hidden; text-overflow: ellipsis; vertical-align: top; }
th { background: var(--soft); font-weight: 600; } tr:last-child td { border-bottom: 0; } .number { text-align: right; font-variant-numeric: tabular-nums; } .none { color: var(--dim); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 60rem; }
</style></head><body><header><h1>${text(title)}</h1><nav><a href="/">All tools</a> · <a href="/requests">Requests</a></nav></header><main>${body}</main></body></html>`;
}
