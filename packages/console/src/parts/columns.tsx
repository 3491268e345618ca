import { formatCount } from "../format/numbers.js";
import { entityPath } from "../paths.js";
import type { Column } from "./data-table.js";
import { RowLink } from "./row-link.js";
import { Ago } from "./time.js";

/** Columns that several tables have: a count, a moment, the name of an entity. */

/** A number to the right, zero in grey; `alarm` colours what is not zero. */
export function countColumn<Row>(
  id: string,
  header: string,
  value: (row: Row) => number,
  { alarm, phone }: { alarm?: "clay" | "ochre"; phone?: "hide" } = {},
): Column<Row> {
  const cell = (row: Row) => {
    const count = value(row);
    if (count === 0) return <span className="faint">0</span>;
    return alarm === undefined ? (
      formatCount(count)
    ) : (
      <span style={{ color: `var(--${alarm})`, fontWeight: 600 }}>{formatCount(count)}</span>
    );
  };
  return { id, header, align: "right", cell, value, ...(phone !== undefined && { phone }) };
}

/** How long ago. */
export function momentColumn<Row>(
  id: string,
  header: string,
  value: (row: Row) => string | null,
  { phone }: { phone?: "hide" } = {},
): Column<Row> {
  return { id, header, align: "right", nowrap: true, cell: (row) => <Ago at={value(row)} />, value, ...(phone !== undefined && { phone }) };
}

/** Its name, else its key, with the way to its page. */
export function entityColumn<Row extends { readonly kind: string; readonly key: string; readonly name: string | null }>(): Column<Row> {
  return {
    id: "name",
    header: "Name",
    cell: (row) => <RowLink to={entityPath(row.kind, row.key)}>{row.name ?? row.key}</RowLink>,
    value: (row) => row.name ?? row.key,
  };
}
