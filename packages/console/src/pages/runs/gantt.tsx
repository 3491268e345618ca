import { Button } from "@mantine/core";
import { useState } from "react";
import type { CycleView, Json } from "../../../../engine/src/server/contract.js";
import { formatCount, formatSeconds, plural } from "../../format/numbers.js";
import { Ago } from "../../parts/time.js";
import { Pill } from "../../parts/pill.js";
import { colourOf, place, secondsByStage } from "./stages.js";
import parts from "../../parts/parts.module.css";
import style from "./runs.module.css";

const cyclesFirst = 24;

/** Cycles as bars on one scale of seconds, a colour per stage; a cycle opens to its steps. */
export function Gantt({ cycles }: { cycles: readonly CycleView[] }) {
  const [open, setOpen] = useState<number | null>(null);
  const [all, setAll] = useState(false);
  const shown = all ? cycles : cycles.slice(0, cyclesFirst);
  const longest = Math.max(0.001, ...shown.map((cycle) => cycle.seconds));
  const stages = [...new Set(cycles.flatMap((cycle) => place(cycle.steps).map((step) => step.stage)))];
  return (
    <>
      <ul className={parts["legend"]} aria-label="Colours of the stages">
        {stages.map((stage) => (
          <li key={stage}>
            <span className={parts["swatch"]} style={{ background: colourOf(stage) }} aria-hidden="true" />
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
        {shown.map((cycle) => (
          <li key={cycle.cycleId}>
            <button
              type="button"
              className={style["row"]}
              aria-expanded={open === cycle.cycleId}
              onClick={() => setOpen(open === cycle.cycleId ? null : cycle.cycleId)}
            >
              <span className="faint">
                <Ago at={cycle.startedAt} />
              </span>
              <span className="num" data-phone="hide">
                {plural(cycle.events, "event")}
              </span>
              <span className={style["track"]} aria-hidden="true">
                <span className={style["whole"]} style={{ width: percent(cycle.seconds / longest) }} />
                {place(cycle.steps).map((step, index) => (
                  <span
                    key={index}
                    style={{ left: percent(step.from / longest), width: percent(step.seconds / longest), background: colourOf(step.stage) }}
                  />
                ))}
              </span>
              <span className="num" style={{ textAlign: "right" }}>
                {formatSeconds(cycle.seconds)}
              </span>
              <span className="visually-hidden">
                , cycle {cycle.cycleId}:{" "}
                {secondsByStage(cycle.steps)
                  .map((stage) => `${stage.stage} ${formatSeconds(stage.seconds)}`)
                  .join(", ")}
              </span>
            </button>
            {open === cycle.cycleId ? <Detail cycle={cycle} /> : null}
          </li>
        ))}
      </ul>
      {shown.length === cycles.length ? null : (
        <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)}>
          Show all {formatCount(cycles.length)}
        </Button>
      )}
    </>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function Detail({ cycle }: { cycle: CycleView }) {
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
        {place(cycle.steps).map((step, index) => [
          <span key={`${index}n`} style={{ overflowWrap: "anywhere" }}>
            {step.name}
          </span>,
          <span key={`${index}b`} data-bar data-phone="hide" aria-hidden="true">
            <span
              style={{
                marginLeft: percent(step.from / cycle.seconds),
                width: percent(step.seconds / cycle.seconds),
                background: colourOf(step.stage),
              }}
            />
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
  const parts = Object.entries(counts).flatMap(([kind, count]) =>
    typeof count === "number" && count > 0 ? [`${formatCount(count)} ${kind}`] : [],
  );
  return parts.length === 0 ? null : (
    <span>
      {word} {parts.join(", ")}
    </span>
  );
}
