import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useParams, useSearchParams } from "react-router";
import type { EntitiesPage as Answer_, EntityColumn, Json } from "../../../../engine/src/server/contract.js";
import { useEntities, useProject } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { formatCount } from "../../format/numbers.js";
import { entityPath } from "../../paths.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty, Problem } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Pager } from "../../parts/pager.js";
import { Panel } from "../../parts/panel.js";
import { RowLink } from "../../parts/row-link.js";
import { ScoreCell } from "../../parts/score-ring.js";
import { RowsSkeleton } from "../../parts/skeletons.js";
import { Ago } from "../../parts/time.js";
import { Plain } from "../../parts/value-tree.js";
import { ColumnMenu, useChosenColumns } from "./column-menu.js";
import style from "./entities.module.css";

type Row = Answer_["rows"][number];

const defaultSort = "-last_seen";

/** People, workspaces, accounts or any kind of the project: found by search, ordered by any column. */
export function EntitiesPage() {
  const { kind = "" } = useParams();
  return <List key={kind} kind={kind} />;
}

function List({ kind }: { kind: string }) {
  const [search, setSearch] = useSearchParams();
  const [text, setText] = useState(search.get("q") ?? "");
  const [q] = useDebouncedValue(text.trim(), 250);
  const sort = search.get("sort") ?? defaultSort;
  const page = Number(search.get("page") ?? "1");
  const audience = search.get("audience");
  const { data: project } = useProject();
  const entity = project?.entities.find((each) => each.kind === kind);
  const title = kind === "user" && (entity?.plural ?? "Users") === "Users" ? "People" : (entity?.plural ?? kind);

  const change = (fields: Readonly<Record<string, string | null>>): void => {
    setSearch(
      (previous) => {
        const next = new URLSearchParams(previous);
        for (const [name, value] of Object.entries(fields)) {
          if (value === null || value === "") next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  };
  useEffect(() => {
    if ((search.get("q") ?? "") !== q) change({ q, page: null });
  }, [q]);

  const query = useEntities(kind, { sort, page, ...(q === "" ? {} : { q }), ...(audience === null ? {} : { audience }) });
  const { data, error } = query;
  const [chosen, choose] = useChosenColumns(kind, data?.columns);
  const columns = useMemo(() => (data === undefined ? [] : columnsOf(data, chosen)), [data, chosen]);

  return (
    <>
      <PageHeader
        title={title}
        lead={
          <p className="num">
            {entity === undefined
              ? "\u00a0"
              : `${formatCount(entity.count)} ${entity.plural.toLowerCase()}, each with its traits, scores and audiences.`}
          </p>
        }
      />
      <Panel flush>
        <div className={style["search"]} role="search" aria-label={`Search ${title.toLowerCase()}`}>
          <TextInput
            aria-label={`Search ${title.toLowerCase()}`}
            placeholder={kind === "user" ? "Name, id, e-mail or any identifier" : "Name or id"}
            leftSection={<IconSearch size={15} aria-hidden />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            style={{ flex: "1 1 240px", maxWidth: 420 }}
          />
          {audience === null ? null : (
            <Button
              variant="light"
              size="sm"
              rightSection={<IconX size={14} aria-hidden />}
              onClick={() => change({ audience: null, page: null })}
            >
              In {spaced(audience)}
              <span className="visually-hidden">, remove this filter</span>
            </Button>
          )}
          {data === undefined ? null : <ColumnMenu columns={data.columns} chosen={chosen} onChoose={choose} />}
        </div>
        {data === undefined ? (
          error === null ? (
            <RowsSkeleton rows={12} />
          ) : (
            <Problem error={error} what={title} retry={() => void query.refetch()} />
          )
        ) : data.rows.length === 0 ? (
          q === "" ? (
            <Empty title={`No ${data.plural.toLowerCase()} yet`}>
              {kind === "user"
                ? "The first event that carries a user id, an anonymous id or an e-mail makes the first profile."
                : `The first group call or event that names a ${data.title.toLowerCase()} makes the first one.`}
            </Empty>
          ) : (
            <Empty
              title="Nothing found"
              action={
                <Button size="xs" variant="default" onClick={() => setText("")}>
                  Clear the search
                </Button>
              }
            >
              Nothing begins with “{q}”. Try an id, an e-mail address or the beginning of a name.
            </Empty>
          )
        ) : (
          <>
            <DataTable
              label={title}
              rows={data.rows}
              columns={columns}
              rowKey={(row) => row.id}
              linked
              server={{ sort, onSort: (next) => change({ sort: next, page: null }), sortable: () => true }}
            />
            <Pager
              page={data}
              shown={data.rows.length}
              onPage={(next) => change({ page: next === 1 ? null : String(next) })}
              what={title.toLowerCase()}
            />
          </>
        )}
      </Panel>
    </>
  );
}

function columnsOf(answer: Answer_, chosen: readonly string[]): Column<Row>[] {
  const named = answer.columns.some((column) => column.role === "name");
  const shown = answer.columns.filter(
    (column) => (column.role === "key" && !named) || column.role === "name" || chosen.includes(column.name),
  );
  return [...shown.filter((column) => column.role !== "time"), ...shown.filter((column) => column.role === "time")].map(
    (column, index) => ({
      id: column.name,
      header: column.title,
      ...(isNumber(column) ? { align: "right" as const } : {}),
      ...(index > 1 ? { phone: "hide" as const } : {}),
      nowrap: index > 0,
      cell: (row: Row) => cellOf(column, row),
    }),
  );
}

function cellOf(column: EntityColumn, row: Row) {
  const value: Json = row.cells[column.name] ?? null;
  if (column.role === "key" || column.role === "name") {
    return (
      <span className={style["who"]}>
        <RowLink to={entityPath(row.kind, row.key)}>{row.name ?? row.key}</RowLink>
        {row.name === null || row.name === row.key ? null : <span className={style["key"]}>{row.key}</span>}
      </span>
    );
  }
  if (column.role === "score") return <ScoreCell value={typeof value === "number" ? value : null} />;
  if (column.role === "time" || column.type === "timestamp") return <Ago at={typeof value === "string" ? value : null} />;
  if (value === null) return <span className="faint">–</span>;
  return <Plain value={value} />;
}

function isNumber(column: EntityColumn): boolean {
  return column.role === "score" || ["integer", "double", "decimal"].includes(column.type);
}
