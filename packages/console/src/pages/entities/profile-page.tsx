import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useParams, useSearchParams } from "react-router";
import type { Profile } from "../../../../engine/src/server/contract.js";
import { useProfile, useProject } from "../../api/queries.js";
import { formatCount } from "../../format/numbers.js";
import { entityListPath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { EntityLink } from "../../parts/entity-link.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Grid, Panel, Stack } from "../../parts/panel.js";
import { Ago } from "../../parts/time.js";
import { AudiencesOf } from "./audiences-of.js";
import { DeliveriesOf } from "./deliveries-of.js";
import { IdentityPanels } from "./identity-panels.js";
import { Relations } from "./relations.js";
import { ScoreCard } from "./score-card.js";
import { ProfileTimeline } from "./timeline.js";
import { TraitsTable } from "./traits-table.js";
import { WhyDrawer, type WhyQuestion } from "./why.js";
import style from "./profile.module.css";

/** One person, workspace or account, whole: what it did, what it is worth, where it belongs, what was done about it. */
export function ProfilePage() {
  const { kind = "", key = "" } = useParams();
  const query = useProfile(kind, key);
  return (
    <Answer query={query} what={`The ${kind} “${key}”`}>
      {(profile) => <Loaded key={`${profile.kind}:${profile.id}`} profile={profile} />}
    </Answer>
  );
}

const summaryEvents = 8;

function Loaded({ profile }: { profile: Profile }) {
  const [search, setSearch] = useSearchParams();
  const [question, setQuestion] = useState<WhyQuestion | null>(null);
  const { data: project } = useProject();
  const plural = project?.entities.find((entity) => entity.kind === profile.kind)?.plural ?? profile.kind;
  const name = profile.name ?? profile.key;
  const tab = search.get("tab") ?? "summary";
  const tabs = [
    ["summary", "Summary"],
    ["timeline", "Timeline"],
    ["traits", `Traits ${formatCount(profile.traits.length)}`],
    ...(profile.kind === "user" ? [["identity", `Identity ${formatCount(profile.identifiersTotal)}`] as const] : []),
    ["relations", profile.kind === "user" ? "Groups" : `Members ${formatCount(profile.membershipsTotal)}`],
    ["deliveries", "Deliveries"],
  ] as const;
  return (
    <>
      <PageHeader
        title={name}
        crumbs={[{ label: profile.kind === "user" && plural === "Users" ? "People" : plural, to: entityListPath(profile.kind) }]}
        lead={<Lead profile={profile} />}
      />
      <Tabs
        value={tab}
        onChange={(value) => setSearch(value === null || value === "summary" ? {} : { tab: value }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {tabs.map(([value, label]) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="summary">
          <Grid>
            <div data-span="7">
              <Stack>
                {profile.scores.length === 0 ? (
                  <Panel title="Scores">
                    <Empty title="No score">None is defined for this kind yet; add one under scores/.</Empty>
                  </Panel>
                ) : (
                  profile.scores.map((score) => <ScoreCard key={score.name} score={score} name={name} onAsk={setQuestion} />)
                )}
              </Stack>
            </div>
            <div data-span="5">
              <Stack>
                <AudiencesOf profile={profile} name={name} onAsk={setQuestion} />
                <Panel
                  title="Latest"
                  aside={
                    <button type="button" className={style["why"]} onClick={() => setSearch({ tab: "timeline" }, { replace: true })}>
                      whole timeline
                    </button>
                  }
                >
                  <ProfileTimeline profile={profile} limit={summaryEvents} />
                </Panel>
              </Stack>
            </div>
          </Grid>
        </Tabs.Panel>
        <Tabs.Panel value="timeline">
          <Panel title="Timeline" note="Events, and the audiences they led into and out of.">
            <ProfileTimeline profile={profile} />
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="traits">
          <Panel title="Traits" flush>
            <TraitsTable traits={profile.traits} name={name} onAsk={setQuestion} />
          </Panel>
        </Tabs.Panel>
        <Tabs.Panel value="identity">
          <Stack>
            <IdentityPanels profile={profile} />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="relations">
          <Stack>
            <Relations profile={profile} />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="deliveries">
          <DeliveriesOf profile={profile} name={name} onAsk={setQuestion} />
        </Tabs.Panel>
      </Tabs>
      <WhyDrawer kind={profile.kind} entity={profile.key} question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Lead({ profile }: { profile: Profile }) {
  return (
    <div className={style["sub"]}>
      {profile.name === null || profile.name === profile.key ? null : <code>{profile.key}</code>}
      {profile.parent === null ? null : (
        <span>
          of <EntityLink entity={profile.parent} />
        </span>
      )}
      <span>
        seen <Ago at={profile.lastSeen} />, first <Ago at={profile.firstSeen} />
      </span>
      {profile.mergedFrom === null ? null : <span>The id you asked for was merged into this profile.</span>}
    </div>
  );
}
