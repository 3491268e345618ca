import type { Hop } from "../../../../engine/src/server/contract.js";
import { useLiveState } from "../../api/live-context.js";
import { formatBytes, formatCount, formatNumber, formatSeconds } from "../../format/numbers.js";
import { Ago } from "../../parts/time.js";
import style from "./loop.module.css";

/** The loop as a stem with a ring at each hop: what has passed, how fast, how old, and what waits. */

/** A moving stem says that data moved lately; older than this it stands still. */
const flowingSeconds = 120;

export function Loop({ hops }: { hops: readonly Hop[] }) {
  const live = useLiveState() === "live";
  return (
    <div className={style["loop"]}>
      <ol className={style["hops"]} aria-label="The loop, hop by hop">
        {hops.map((hop) => (
          <HopView key={hop.name} hop={hop} flowing={live && hop.lagSeconds !== null && hop.lagSeconds < flowingSeconds} />
        ))}
      </ol>
      <div className={style["back"]}>opens, clicks and replies come back as events</div>
    </div>
  );
}

function HopView({ hop, flowing }: { hop: Hop; flowing: boolean }) {
  return (
    <li className={style["hop"]} data-flowing={flowing || undefined}>
      <Ring state={hop.health.state} />
      <div>
        <div className={style["name"]}>
          {hop.title}
          <span className="visually-hidden">{hop.health.sentence}</span>
        </div>
        <div className={`${style["count"]} num`}>{formatCount(hop.count)}</div>
        <div className={style["unit"]}>
          {hop.unit}
          {hop.ratePerSecond === null ? "" : `, ${rateOf(hop.ratePerSecond)}`}
        </div>
      </div>
      <dl className={style["rows"]}>
        <div data-late={hop.health.state === "ok" ? undefined : true}>
          <dt>newest</dt>
          <dd className="num">{hop.newestAt === null ? "none yet" : <Ago at={hop.newestAt} />}</dd>
        </div>
        {hop.backlog === null ? null : (
          <div>
            <dt>waiting</dt>
            <dd className="num">{formatCount(hop.backlog)}</dd>
          </div>
        )}
        {hop.behindSeconds === null || hop.behindSeconds === 0 ? null : (
          <div>
            <dt>oldest waits</dt>
            <dd className="num">{formatSeconds(hop.behindSeconds)}</dd>
          </div>
        )}
        {hop.lastSeconds === null ? null : (
          <div>
            <dt>last took</dt>
            <dd className="num">{formatSeconds(hop.lastSeconds)}</dd>
          </div>
        )}
        {hop.facts.map((fact) => (
          <div key={fact.label}>
            <dt>{fact.label}</dt>
            <dd className="num">{factWords(fact.value, fact.unit)}</dd>
          </div>
        ))}
      </dl>
      {hop.health.state === "ok" ? null : (
        <p className={style["sentence"]} data-tone={hop.health.state}>
          {hop.health.sentence}
        </p>
      )}
    </li>
  );
}

function factWords(value: number, unit: string | null): string {
  if (unit === "seconds") return formatSeconds(value);
  if (unit === "bytes") return formatBytes(value);
  return unit === null ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}

function rateOf(perSecond: number): string {
  if (perSecond === 0) return "idle";
  return perSecond >= 10 ? `${formatCount(perSecond)}/s` : `${formatNumber(Math.round(perSecond * 10) / 10)}/s`;
}

const liveRing = { ok: "var(--green-live)", warn: "var(--ochre-live)", error: "var(--clay-live)" } as const;

function Ring({ state }: { state: "ok" | "warn" | "error" }) {
  return (
    <svg className={style["ring"]} viewBox="0 0 34 34" aria-hidden="true" focusable="false">
      <circle cx="17" cy="17" r="16" fill="var(--surface)" stroke="var(--line-strong)" strokeWidth="1.5" />
      <circle cx="17.300" cy="16.800" r="11" fill="none" stroke={liveRing[state]} strokeWidth="3.500" />
      <circle cx="17.600" cy="17" r="5.500" fill="none" stroke="var(--line-strong)" strokeWidth="1.300" />
    </svg>
  );
}
