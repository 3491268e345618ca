import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useParams } from "react-router";
import type { AudienceChange, AudienceDetail, Json } from "../../../../engine/src/server/contract.js";
import { useAudience, useAudiences } from "../../api/queries.js";
import { spaced } from "../../format/conditions.js";
import { reasonWords } from "../../format/reasons.js";
import { formatCount, formatNumber, plural } from "../../format/numbers.js";
import { audiencePath, entityListPath, entityPath, syncPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { ConditionView } from "../../parts/condition-view.js";
import { momentColumn } from "../../parts/columns.js";
import { type Column, DataTable } from "../../parts/data-table.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Pager } from "../../parts/pager.js";
import { Facts, Grid, Panel } from "../../parts/panel.js";
import { Pill, StatePill } from "../../parts/pill.js";
import { RowLink } from "../../parts/row-link.js";
import { Ago } from "../../parts/time.js";
import { Versions } from "../../parts/versions.js";
import style from "./audience.module.css";
import { ancestors } from "./nesting.js";
import { SizeChart } from "./size-chart.js";
import { WhyNot } from "./why-not.js";

export function AudiencePage() {
  const { name = "" } = useParams();
  return <Audience key={name} name={name} />;
}

function Audience({ name }: { name: string }) {
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 250);
  const [page, setPage] = useState(1);
  useEffect(() => setPage(1), [q]);
  const query = useAudience(name, { ...(q === "" ? {} : { q }), ...(page === 1 ? {} : { page }) });
  return (
    <Answer query={query} what={`The audience “${name}”`}>
      {(audience) => (
        <Loaded
          audience={audience}
          search={
            <div className={style["search"]}>
              <TextInput
                aria-label="Search members"
                placeholder="Search members"
                leftSection={<IconSearch size={15} aria-hidden />}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
                style={{ maxWidth: 340 }}
              />
            </div>
          }
          searched={q !== ""}
          onPage={setPage}
        />
      )}
    </Answer>
  );
}

function Loaded({
  audience,
  search,
  searched,
  onPage,
}: {
  audience: AudienceDetail;
  search: ReactNode;
  searched: boolean;
  onPage: (page: number) => void;
}) {
  const { data: list } = useAudiences();
  const above = ancestors(list?.audiences ?? [], audience.name);
  const titles = new Map((list?.audiences ?? []).map((each) => [each.name, each.title]));
  return (
    <>
      <PageHeader
        title={audience.title}
        crumbs={[{ label: "Audiences", to: "/audiences" }, ...above.map((each) => ({ label: each.title, to: audiencePath(each.name) }))]}
        lead={audience.description === null ? undefined : <p>{audience.description}</p>}
      />
      <Facts
        facts={[
          { label: `Members, ${audience.entity}s`, value: formatCount(audience.size) },
          { label: "Entered, 24 h", value: formatCount(audience.entered) },
          { label: "Left, 24 h", value: formatCount(audience.left) },
          {
            label: "Held out",
            value: formatCount(audience.heldOut),
            note: audience.holdoutPercent === 0 ? "no holdout" : `${formatNumber(audience.holdoutPercent)} % by hash`,
          },
          { label: "Changed", value: <Ago at={audience.updatedAt} /> },
        ]}
      />
      <Grid>
        <Panel title="Size over time" span={7}>
          {audience.sizes.length === 0 ? (
            <Empty title="No size yet">The first cycle after the definition fills it.</Empty>
          ) : (
            <SizeChart audience={audience} />
          )}
        </Panel>
        <Panel title="Who is in" span={5} note={audience.version === null ? "not in force yet" : `definition version ${audience.version}`}>
          <Definition audience={audience} titles={titles} />
        </Panel>
        <Panel title="Why, or why not?" span={7}>
          <WhyNot audience={audience} />
        </Panel>
        <Panel title="Causes" note="Why they came and went, last 30 days." span={5}>
          <Causes audience={audience} />
        </Panel>
        <Panel
          title="Members"
          flush
          span={6}
          aside={<Link to={`${entityListPath(audience.entity)}?audience=${audience.name}`}>With traits and scores</Link>}
        >
          {search}
          <Members audience={audience} searched={searched} onPage={onPage} />
        </Panel>
        <Panel title="Entries and exits" note="Newest first, with what caused each." flush span={6}>
          <Changes rows={audience.changes} />
        </Panel>
        <Panel title="Versions">
          <Versions versions={audience.definition.versions} />
        </Panel>
      </Grid>
    </>
  );
}

function Definition({ audience, titles }: { audience: AudienceDetail; titles: ReadonlyMap<string, string> }) {
  const body = audience.definition.body;
  const fields: Readonly<Record<string, Json>> = body !== null && typeof body === "object" && !Array.isArray(body) ? body : {};
  const files = (name: string): string[] => (Array.isArray(fields[name]) ? fields[name].filter((item) => typeof item === "string") : []);
  return (
    <div className={style["definition"]}>
      <div>
        <p className="faint">Every {audience.entity} for which</p>
        <ConditionView condition={fields["where"] ?? null} titles={titles} />
      </div>
      <Lists label="Always in" files={files("include")} />
      <Lists label="Never in" files={files("exclude")} />
      <Names label="Lies within or beside" names={audience.parents} to={audiencePath} titles={titles} />
      <Names label="Used by" names={audience.children} to={audiencePath} titles={titles} />
      <Names label="Synced by" names={audience.syncs} to={syncPath} titles={new Map()} />
    </div>
  );
}

function Lists({ label, files }: { label: string; files: readonly string[] }) {
  if (files.length === 0) return null;
  return (
    <p>
      <span className="faint">{label}: </span>
      {files.map((file) => (
        <code key={file}>{file} </code>
      ))}
    </p>
  );
}

function Names({
  label,
  names,
  to,
  titles,
}: {
  label: string;
  names: readonly string[];
  to: (name: string) => string;
  titles: ReadonlyMap<string, string>;
}) {
  if (names.length === 0) return null;
  return (
    <p>
      <span className="faint">{label}: </span>
      {names.map((name, index) => (
        <span key={name}>
          {index === 0 ? "" : ", "}
          <Link to={to(name)}>{titles.get(name) ?? spaced(name)}</Link>
        </span>
      ))}
    </p>
  );
}

function Causes({ audience }: { audience: AudienceDetail }) {
  if (audience.causes.length === 0) return <Empty title="No moves in 30 days">Nobody entered or left.</Empty>;
  return (
    <ul className={style["causes"]}>
      {audience.causes.map((cause) => (
        <li key={`${cause.change}:${cause.reason}`}>
          <span>
            <Pill tone={cause.change === "entered" ? "ok" : "warn"}>{cause.change}</Pill>
          </span>
          <span style={{ overflowWrap: "anywhere" }}>{reasonWords(cause.reason)}</span>
          <span className="num">{formatCount(cause.count)}</span>
        </li>
      ))}
    </ul>
  );
}

type Member = AudienceDetail["members"]["rows"][number];

const memberColumns: readonly Column<Member>[] = [
  {
    id: "name",
    header: "Name",
    cell: (row) => (
      <>
        <RowLink to={entityPath(row.kind, row.key)}>{row.name ?? row.key}</RowLink> {row.heldOut ? <Pill tone="cool">held out</Pill> : null}
      </>
    ),
    value: (row) => row.name ?? row.key,
  },
  momentColumn("entered", "In since", (row) => row.enteredAt),
];

function Members({ audience, searched, onPage }: { audience: AudienceDetail; searched: boolean; onPage: (page: number) => void }) {
  const { members } = audience;
  if (members.rows.length === 0) {
    return searched ? (
      <Empty title="No such member">Ask above why it is not in here.</Empty>
    ) : (
      <Empty title="Nobody is in">
        No {audience.entity} meets the conditions now. Ask above, for one you expected, which condition fails.
      </Empty>
    );
  }
  return (
    <>
      <DataTable label="Members" rows={members.rows} rowKey={(row) => row.id} columns={memberColumns} linked />
      <Pager page={members} shown={members.rows.length} onPage={onPage} what="members" />
    </>
  );
}

const changeColumns: readonly Column<AudienceChange>[] = [
  {
    id: "change",
    header: "Change",
    nowrap: true,
    cell: (row) => (row.change === "entered" ? <StatePill state="entered" /> : <Pill tone="warn">left</Pill>),
    value: (row) => row.change,
  },
  {
    id: "who",
    header: "Who and why",
    cell: (row) => (
      <span style={{ display: "grid" }}>
        <RowLink to={entityPath(row.entity.kind, row.entity.key)}>{row.entity.name ?? row.entity.key}</RowLink>
        <span className="faint" style={{ fontSize: 12.5, overflowWrap: "anywhere" }}>
          {row.messageId === null ? (
            reasonWords(row.reason)
          ) : (
            <Link to={`/events?message=${encodeURIComponent(row.messageId)}`} style={{ position: "relative", zIndex: 1, color: "inherit" }}>
              {reasonWords(row.reason)}
            </Link>
          )}
        </span>
      </span>
    ),
  },
  { id: "at", header: "When", align: "right", nowrap: true, cell: (row) => <Ago at={row.happenedAt} />, value: (row) => row.happenedAt },
];

function Changes({ rows }: { rows: readonly AudienceChange[] }) {
  if (rows.length === 0) return <Empty title="No entries or exits yet">They appear with the cycle that makes them.</Empty>;
  return (
    <>
      <DataTable label="Entries and exits" first={15} rows={rows} rowKey={(row) => String(row.changeId)} columns={changeColumns} linked />
      <p className="faint num" style={{ padding: "8px 18px" }}>
        The last {plural(rows.length, "change")}.
      </p>
    </>
  );
}
