import { Link } from "react-router";
import type { Overview } from "../../../../engine/src/server/contract.js";
import { useOverview } from "../../api/queries.js";
import { formatCount, formatSeconds, plural } from "../../format/numbers.js";
import { audiencePath, entityListPath, syncPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { countColumn } from "../../parts/columns.js";
import { DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Grid, Panel, Stack } from "../../parts/panel.js";
import { StatePill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";
import { Ago } from "../../parts/time.js";
import { Activity } from "./activity.js";
import { Ledger } from "./ledger.js";
import { Loop } from "./loop.js";
import { Problems } from "./problems.js";
import style from "./overview.module.css";

/** Longer lists have pages of their own. */
const listedMax = 9;

export function OverviewPage() {
  const query = useOverview();
  return (
    <Answer query={query} what="The overview">
      {(overview) => <Loaded overview={overview} />}
    </Answer>
  );
}

function Loaded({ overview }: { overview: Overview }) {
  return (
    <>
      <PageHeader title="Overview" heading={overview.title} lead={<Lead overview={overview} />} />
      <Stack>
        {overview.problems.length === 0 ? null : <Problems problems={overview.problems} failing={overview.health.state === "error"} />}
        <Panel title="The loop" note="Data up into the warehouse, decisions down into the tools.">
          <Loop hops={overview.hops} />
        </Panel>
        <Entities overview={overview} />
        <Grid>
          <Panel title="The ledger" note="What came in must have gone somewhere, at every hop." span={7}>
            <Ledger equations={overview.ledger} titles={new Map(overview.syncs.map((sync) => [`sync:${sync.name}`, sync.title]))} />
          </Panel>
          <Panel title="Events received" note="Per minute, the last hour of stored data." span={5}>
            {overview.activity.length === 0 ? (
              <Empty title="No events yet">
                Point a Segment SDK at this collector with a write key of <code>sources/*.yml</code>.
              </Empty>
            ) : (
              <Activity minutes={overview.activity} />
            )}
            <Cycles overview={overview} />
          </Panel>
          <Panel title="Audiences" flush span={6} aside={<Link to="/audiences">All audiences</Link>}>
            <Audiences overview={overview} />
          </Panel>
          <Panel title="Syncs" flush span={6} aside={<Link to="/syncs">All syncs</Link>}>
            <Syncs overview={overview} />
          </Panel>
        </Grid>
      </Stack>
    </>
  );
}

function Lead({ overview }: { overview: Overview }) {
  const { freshness, health } = overview;
  return (
    <p>
      {health.sentence}{" "}
      {freshness === null ? null : (
        <>
          From an event's arrival to the decision it changes:{" "}
          <strong className="num" style={{ whiteSpace: "nowrap" }}>
            {formatSeconds(freshness.p50Seconds)}
          </strong>{" "}
          at the median,{" "}
          <strong className="num" style={{ whiteSpace: "nowrap" }}>
            {formatSeconds(freshness.p95Seconds)}
          </strong>{" "}
          at the 95th percentile of the last {plural(freshness.cycles, "cycle")}.
        </>
      )}
    </p>
  );
}

function Entities({ overview }: { overview: Overview }) {
  return (
    <ul className={style["entities"]} aria-label="Entities">
      {overview.entities.map((entity) => (
        <li key={entity.kind}>
          <Link to={entityListPath(entity.kind)}>
            <span className={`${style["big"]} num`}>{formatCount(entity.count)}</span>
            <span>{entity.plural.toLowerCase()}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Cycles({ overview }: { overview: Overview }) {
  const cycles = overview.lastCycles.slice(0, 6);
  const longest = Math.max(0.001, ...cycles.map((cycle) => cycle.seconds));
  if (cycles.length === 0) return null;
  return (
    <div style={{ marginTop: 20 }}>
      <div style={{ display: "flex", justifyContent: "space-between", alignItems: "baseline" }}>
        <h3 className={style["sub"]}>Recent cycles</h3>
        <Link to="/runs">All runs</Link>
      </div>
      <ul className={style["cycles"]}>
        {cycles.map((cycle) => (
          <li key={cycle.cycleId}>
            <Ago at={cycle.startedAt} />
            <span className="num faint">{plural(cycle.events, "event")}</span>
            <span className={style["cycleBar"]} aria-hidden="true">
              <span style={{ width: `${((cycle.seconds / longest) * 100).toFixed(1)}%` }} />
            </span>
            <span className="num" style={{ textAlign: "right" }}>
              {formatSeconds(cycle.seconds)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Audiences({ overview }: { overview: Overview }) {
  if (overview.audiences.length === 0) {
    return <Empty title="No audiences yet">Describe one in a file under audiences/ and apply the project.</Empty>;
  }
  return (
    <DataTable
      label="Audiences and their sizes"
      rows={overview.audiences}
      first={listedMax}
      rowKey={(row) => row.name}
      linked
      columns={[
        {
          id: "title",
          header: "Audience",
          cell: (row) => <RowLink to={audiencePath(row.name)}>{row.title}</RowLink>,
          value: (row) => row.title,
        },
        { id: "entity", header: "Of", cell: (row) => <span className="faint">{row.entity}</span>, value: (row) => row.entity },
        countColumn("size", "Members", (row: Overview["audiences"][number]) => row.size),
      ]}
    />
  );
}

function Syncs({ overview }: { overview: Overview }) {
  if (overview.syncs.length === 0) {
    return <Empty title="No syncs yet">Say where rows should go in a file under syncs/, with a destination under destinations/.</Empty>;
  }
  return (
    <DataTable
      label="Syncs and their state"
      rows={overview.syncs}
      first={listedMax}
      rowKey={(row) => row.name}
      linked
      columns={[
        { id: "title", header: "Sync", cell: (row) => <RowLink to={syncPath(row.name)}>{row.title}</RowLink>, value: (row) => row.title },
        { id: "state", header: "State", cell: (row) => <StatePill state={row.state} />, value: (row) => row.state },
        countColumn("delivered", "Delivered", (row: Overview["syncs"][number]) => row.delivered),
        countColumn("failed", "Failed", (row: Overview["syncs"][number]) => row.failed, { alarm: "clay" }),
      ]}
    />
  );
}
