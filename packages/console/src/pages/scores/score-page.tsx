import { useParams } from "react-router";
import type { ScoreDetail } from "../../../../engine/src/server/contract.js";
import { useScore } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { formatCount, formatPercent, formatScore, plural } from "../../format/numbers.js";
import { Answer } from "../../parts/answer.js";
import { entityColumn } from "../../parts/columns.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Facts, Grid, Panel, Stack } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { ScoreCell } from "../../parts/score-ring.js";
import { Ago } from "../../parts/time.js";
import { Versions } from "../../parts/versions.js";
import parts from "../../parts/parts.module.css";
import { Buckets } from "./buckets.js";
import { DistributionChart, TrendChart } from "./score-charts.js";

export function ScorePage() {
  const { name = "" } = useParams();
  const query = useScore(name);
  return (
    <Answer query={query} what={`The score “${name}”`}>
      {(score) => <Loaded score={score} />}
    </Answer>
  );
}

function Loaded({ score }: { score: ScoreDetail }) {
  return (
    <>
      <PageHeader
        title={score.title}
        crumbs={[{ label: "Scores", to: "/scores" }]}
        lead={<p>{score.description ?? `A weighted sum of ${plural(score.components.length, "component")} for each ${score.entity}.`}</p>}
      />
      <Facts
        facts={[
          { label: "Average", value: formatScore(score.average) },
          { label: "Median", value: formatScore(score.median) },
          {
            label: `Scored ${score.entity}s`,
            value: formatCount(score.count),
            ...(score.nulls > 0 ? { note: `${formatCount(score.nulls)} without a value` } : {}),
          },
          { label: "Definition", value: score.version === null ? "new" : `v${score.version}` },
          { label: "Computed", value: <Ago at={score.updatedAt} /> },
        ]}
      />
      <Grid>
        <Panel title="Distribution" note="How many have which score, in steps of five points." span={6}>
          <DistributionChart score={score} />
        </Panel>
        <Panel title="By day" note="Median and average, with the middle half and the middle 80 % as bands." span={6}>
          {score.trend.length === 0 ? (
            <Empty title="No history yet">The first day is written at the end of the first cycle.</Empty>
          ) : (
            <TrendChart score={score} />
          )}
        </Panel>
      </Grid>
      <div style={{ height: 16 }} />
      <Stack>
        <Panel title="Buckets">
          <Buckets buckets={score.buckets} />
        </Panel>
        <Panel title="Components" note="What each gives to the total, on average." flush>
          <Components score={score} />
        </Panel>
        <Grid>
          <Panel title="Highest" flush span={6}>
            <Entities rows={score.top} label="Highest scores" />
          </Panel>
          <Panel title="Lowest" flush span={6}>
            <Entities rows={score.bottom} label="Lowest scores" />
          </Panel>
        </Grid>
        <Panel title="Versions" note="Each row of history keeps the version it was computed with.">
          <Versions versions={score.definition.versions} />
        </Panel>
      </Stack>
    </>
  );
}

type Component = ScoreDetail["components"][number];

const componentColumns: readonly Column<Component>[] = [
  { id: "title", header: "Component", cell: (row) => <span style={{ fontWeight: 550 }}>{row.title}</span>, value: (row) => row.title },
  {
    id: "group",
    header: "Group",
    phone: "hide",
    cell: (row) => row.groupTitle ?? (row.group === null ? <span className="faint">none</span> : spaced(row.group)),
    value: (row) => row.group,
  },
  { id: "type", header: "Scale", phone: "hide", cell: (row) => <span className="faint">{row.type}</span>, value: (row) => row.type },
  { id: "average", header: "Average value", width: "22%", cell: (row) => <AverageBar value={row.average} />, value: (row) => row.average },
  {
    id: "points",
    header: "Points",
    align: "right",
    nowrap: true,
    cell: (row) => (
      <>
        {formatScore(row.points)} <span className="faint">of {formatScore(row.weight)}</span>
      </>
    ),
    value: (row) => row.points,
  },
  {
    id: "full",
    header: "Reached",
    align: "right",
    phone: "hide",
    nowrap: true,
    cell: (row) => (row.full === null ? "–" : formatPercent(row.full)),
    value: (row) => row.full,
  },
  {
    id: "nulls",
    header: "No value",
    align: "right",
    phone: "hide",
    cell: (row) => (row.nulls === 0 ? <span className="faint">0</span> : formatCount(row.nulls)),
    value: (row) => row.nulls,
  },
];

function Components({ score }: { score: ScoreDetail }) {
  return <DataTable label="Components" rows={score.components} rowKey={(row) => row.name} columns={componentColumns} />;
}

function AverageBar({ value }: { value: number | null }) {
  return (
    <span style={{ display: "grid", gridTemplateColumns: "38px minmax(30px, 1fr)", alignItems: "center", gap: 8 }}>
      <span className="num">{formatScore(value)}</span>
      <span className={parts["bar"]} aria-hidden="true">
        <span style={{ width: `${value ?? 0}%` }} />
      </span>
    </span>
  );
}

function Entities({ rows, label }: { rows: ScoreDetail["top"]; label: string }) {
  if (rows.length === 0) return <Empty title="Nobody scored yet" />;
  return (
    <DataTable
      label={label}
      rows={rows}
      rowKey={(row) => row.id}
      linked
      columns={[
        entityColumn(),
        {
          id: "bucket",
          header: "Bucket",
          cell: (row) => (row.bucket === null ? null : <Pill>{spaced(row.bucket)}</Pill>),
          value: (row) => row.bucket,
        },
        { id: "value", header: "Score", align: "right", cell: (row) => <ScoreCell value={row.value} />, value: (row) => row.value },
      ]}
    />
  );
}
