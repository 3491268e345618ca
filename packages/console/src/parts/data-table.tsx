import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { Button } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";
import { formatCount } from "../format/numbers.js";
import style from "./parts.module.css";

/** Every table of the console: dense, sortable where a column has a plain value, scrolling within itself on a phone. */

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** What to sort by; without it the column does not sort. */
  readonly value?: (row: Row) => string | number | null;
  readonly align?: "right";
  readonly nowrap?: boolean;
  readonly width?: number | string;
  /** The header is for screen readers only. */
  readonly quiet?: boolean;
  /** Left out where there is no room. */
  readonly phone?: "hide";
}

export interface ServerSort {
  /** Column, `-` before it for descending. */
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly sortable: (column: string) => boolean;
}

interface Properties<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** Rows whose first cell is a `RowLink`. */
  readonly linked?: boolean;
  readonly server?: ServerSort;
  /** Show only so many until asked for all. */
  readonly first?: number;
}

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

export function DataTable<Row extends object>({ label, rows, columns, rowKey, linked = false, server, first = Infinity }: Properties<Row>) {
  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        accessorFn: (row: Row) => column.value?.(row) ?? undefined,
        enableSorting: server === undefined && column.value !== undefined,
        sortUndefined: "last" as const,
        sortFn: (a: { original: Row }, b: { original: Row }) =>
          compare(column.value?.(a.original) ?? null, column.value?.(b.original) ?? null),
      })),
    [columns, server],
  );
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({ features, columns: definitions, data, getRowId: rowKey, manualSorting: server !== undefined });
  const [all, setAll] = useState(false);
  const shown = table.getRowModel().rows.slice(0, all || rows.length <= first + 2 ? rows.length : first);
  const heads = table.getHeaderGroups()[0]?.headers ?? [];
  return (
    <div className={style["tableWrap"]} role="group" aria-label={label} tabIndex={0}>
      <table className={style["table"]}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const head = heads[index]?.column;
              const local = head?.getCanSort() === true ? { sorted: head.getIsSorted(), sort: () => head.toggleSorting() } : undefined;
              const remote = server?.sortable(column.id) === true ? remoteSort(server, column.id) : undefined;
              const sorting = remote ?? local;
              return (
                <th
                  key={column.id}
                  scope="col"
                  data-align={column.align}
                  data-phone={column.phone}
                  style={column.width === undefined ? undefined : { width: column.width }}
                  aria-sort={
                    sorting === undefined || sorting.sorted === false ? undefined : sorting.sorted === "asc" ? "ascending" : "descending"
                  }
                >
                  {column.quiet === true ? (
                    <span className="visually-hidden">{column.header}</span>
                  ) : sorting === undefined ? (
                    column.header
                  ) : (
                    <SortButton {...sorting} label={column.header} />
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.id} data-link={linked || undefined}>
              {columns.map((column) => (
                <td key={column.id} data-align={column.align} data-nowrap={column.nowrap} data-phone={column.phone}>
                  {column.cell(row.original)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length === rows.length ? null : (
        <div style={{ padding: "6px 12px 8px" }}>
          <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)}>
            Show all {formatCount(rows.length)}
          </Button>
        </div>
      )}
    </div>
  );
}

function SortButton({ label, sorted, sort }: { label: string; sorted: "asc" | "desc" | false; sort: () => void }) {
  return (
    <button type="button" className={style["sort"]} data-sorted={sorted === false ? undefined : sorted} onClick={sort}>
      {label}
      {sorted === "asc" ? <IconArrowUp size={13} aria-hidden /> : sorted === "desc" ? <IconArrowDown size={13} aria-hidden /> : null}
    </button>
  );
}

function remoteSort(server: ServerSort, column: string): { sorted: "asc" | "desc" | false; sort: () => void } {
  const sorted = server.sort === column ? "asc" : server.sort === `-${column}` ? "desc" : false;
  return { sorted, sort: () => server.onSort(sorted === "desc" ? column : `-${column}`) };
}

function compare(a: string | number | null, b: string | number | null): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}
