import { IconCornerDownRight } from "@tabler/icons-react";
import { useMemo } from "react";
import { useAudiences } from "../../api/queries.js";
import { formatCount } from "../../format/numbers.js";
import { audiencePath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Panel } from "../../parts/panel.js";
import { RowLink } from "../../parts/row-link.js";
import { Sparkline } from "../../parts/sparkline.js";
import { Ago } from "../../parts/time.js";
import { type Nested, nest } from "./nesting.js";

export function AudiencesPage() {
  const query = useAudiences();
  return (
    <>
      <PageHeader
        title="Audiences"
        lead={<p>Who meets which conditions, kept current by every cycle. Nested ones stand below the one they lie within.</p>}
      />
      <Answer query={query} what="The audiences">
        {({ audiences }) => (
          <Panel flush>
            {audiences.length === 0 ? (
              <Empty title="No audiences yet">
                Describe one in a file under audiences/: an entity kind and a condition. It fills with the next cycle.
              </Empty>
            ) : (
              <List rows={nest(audiences)} />
            )}
          </Panel>
        )}
      </Answer>
    </>
  );
}

function List({ rows }: { rows: readonly Nested[] }) {
  const columns = useMemo<Column<Nested>[]>(
    () => [
      {
        id: "title",
        header: "Audience",
        cell: ({ audience, depth }) => (
          <span style={{ display: "flex", alignItems: "center", gap: 6, paddingLeft: Math.max(0, depth - 1) * 18 }}>
            {depth === 0 ? null : (
              <IconCornerDownRight
                size={15}
                stroke={1.6}
                color="var(--ink-faint)"
                aria-label="within the audience above"
                style={{ flex: "none" }}
              />
            )}
            <RowLink to={audiencePath(audience.name)}>{audience.title}</RowLink>
          </span>
        ),
      },
      { id: "entity", header: "Of", phone: "hide", cell: ({ audience }) => <span className="faint">{audience.entity}s</span> },
      {
        id: "size",
        header: "Members",
        align: "right",
        cell: ({ audience }) => <strong style={{ fontWeight: 600 }}>{formatCount(audience.size)}</strong>,
      },
      {
        id: "recent",
        header: "Size lately",
        phone: "hide",
        width: 130,
        cell: ({ audience }) => <Sparkline values={audience.recent.map((point) => point.size)} />,
      },
      {
        id: "moves",
        header: "Last 24 h",
        align: "right",
        nowrap: true,
        cell: ({ audience }) =>
          audience.entered === 0 && audience.left === 0 ? (
            <span className="faint">no change</span>
          ) : (
            <>
              {audience.entered === 0 ? null : <span style={{ color: "var(--green)" }}>+{formatCount(audience.entered)} </span>}
              {audience.left === 0 ? null : <span style={{ color: "var(--ochre)" }}>−{formatCount(audience.left)}</span>}
            </>
          ),
      },
      {
        id: "syncs",
        header: "Syncs",
        align: "right",
        phone: "hide",
        cell: ({ audience }) => (audience.syncs.length === 0 ? <span className="faint">none</span> : formatCount(audience.syncs.length)),
      },
      {
        id: "updated",
        header: "Changed",
        align: "right",
        phone: "hide",
        nowrap: true,
        cell: ({ audience }) => <Ago at={audience.updatedAt} />,
      },
    ],
    [],
  );
  return <DataTable label="Audiences" rows={rows} rowKey={(row) => row.audience.name} columns={columns} linked />;
}
