import { useState } from "react";
import type { CycleView, Json } from "../../../../engine/src/server/contract.js";
import { formatCount, formatSeconds, plural } from "../../format/numbers.js";
import { Ago } from "../../parts/time.js";
import { Pill } from "../../parts/pill.js";
import { colourOf, stageOf, stagesOf } from "./stages.js";
import style from "./runs.module.css";

/** Cycles as bars on one scale of seconds, a colour per stage; a cycle opens to its steps. */
export function Gantt({ cycles }: { cycles: readonly CycleView[] }) {
  const [open, setOpen] = useState<number | null>(null);
  const longest = Math.max(0.001, ...cycles.map((cycle) => cycle.seconds));
  const stages = [...new Set(cycles.flatMap((cycle) => stagesOf(cycle.steps, cycle.seconds).map((stage) => stage.stage)))];
  return (
    <>
      <ul className={style["legend"]} aria-label="Colours of the stages">
        {stages.map((stage) => (
          <li key={stage}>
            <span className={style["swatch"]} style={{ background: fill(stage) }} aria-hidden="true" />
            {stage}
          </li>
        ))}
      </ul>
      <div className={`${style["scale"]} num`} aria-hidden="true">
        <span />
        <span data-phone="hide" />
        <span>
          <span>0 s</span>
          <span>{formatSeconds(longest / 2)}</span>
          <span>{formatSeconds(longest)}</span>
        </span>
        <span />
      </div>
      <ul className={style["gantt"]}>
        {cycles.map((cycle) => (
          <li key={cycle.cycleId}>
            <button
              type="button"
              className={style["row"]}
              aria-expanded={open === cycle.cycleId}
              aria-label={`Cycle ${cycle.cycleId}, ${plural(cycle.events, "event")}, ${formatSeconds(cycle.seconds)}: ${stagesOf(cycle.steps, cycle.seconds)
                .map((stage) => `${stage.stage} ${formatSeconds(stage.seconds)}`)
                .join(", ")}`}
              onClick={() => setOpen(open === cycle.cycleId ? null : cycle.cycleId)}
            >
              <span className="faint">
                <Ago at={cycle.startedAt} />
              </span>
              <span className="num" data-phone="hide">
                {plural(cycle.events, "event")}
              </span>
              <span className={style["track"]} aria-hidden="true">
                {stagesOf(cycle.steps, cycle.seconds).map((stage) => (
                  <span key={stage.stage} style={{ width: `${(stage.seconds / longest) * 100}%`, background: fill(stage.stage) }} />
                ))}
              </span>
              <span className="num" style={{ textAlign: "right" }}>
                {formatSeconds(cycle.seconds)}
              </span>
            </button>
            {open === cycle.cycleId ? <Detail cycle={cycle} /> : null}
          </li>
        ))}
      </ul>
    </>
  );
}

function fill(stage: string): string {
  return stage === "other" ? "var(--line-strong)" : colourOf(stage);
}

function Detail({ cycle }: { cycle: CycleView }) {
  const longest = Math.max(0.0001, ...cycle.steps.map((step) => step.seconds));
  return (
    <div className={style["detail"]}>
      <p className={`${style["counts"]} num`}>
        <span>Cycle {cycle.cycleId}</span>
        <Pill tone={cycle.kind === "full" ? "cool" : "plain"}>{cycle.kind}</Pill>
        <span>
          loads {formatCount(cycle.fromLoad)} to {formatCount(cycle.toLoad)}
        </span>
        {countsOf("touched", cycle.touched)}
        {countsOf("changed", cycle.changed)}
        <span className="faint">
          definitions <code>{cycle.definitions.slice(0, 10)}</code>
        </span>
      </p>
      <div className={`${style["steps"]} num`}>
        {cycle.steps.map((step, index) => [
          <span key={`${index}n`} style={{ overflowWrap: "anywhere" }}>
            {step.name}
          </span>,
          <span key={`${index}b`} data-bar data-phone="hide" aria-hidden="true">
            <span style={{ width: `${(step.seconds / longest) * 100}%`, background: fill(stageOf(step.name)) }} />
          </span>,
          <span key={`${index}s`} style={{ textAlign: "right" }}>
            {formatSeconds(step.seconds)}
          </span>,
          <span key={`${index}r`} className="faint" data-phone="hide" style={{ textAlign: "right" }}>
            {step.rows === null ? "" : plural(step.rows, "row")}
          </span>,
        ])}
      </div>
    </div>
  );
}

function countsOf(word: string, counts: Json) {
  if (counts === null || typeof counts !== "object" || Array.isArray(counts)) return null;
  const parts = Object.entries(counts).flatMap(([kind, count]) => (typeof count === "number" && count > 0 ? [`${formatCount(count)} ${kind}`] : []));
  return parts.length === 0 ? null : (
    <span>
      {word} {parts.join(", ")}
    </span>
  );
}
