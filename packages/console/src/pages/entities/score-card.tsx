import { Link } from "react-router";
import type { ComponentView, ScoreOfEntity } from "../../../../engine/src/server/contract.js";
import { spaced } from "../../format/conditions.js";
import { formatScore } from "../../format/numbers.js";
import { scorePath } from "../../paths.js";
import { Panel } from "../../parts/panel.js";
import { Pill } from "../../parts/pill.js";
import { ScoreRing } from "../../parts/score-ring.js";
import { Sparkline } from "../../parts/sparkline.js";
import { Ago } from "../../parts/time.js";
import parts from "../../parts/parts.module.css";
import style from "./profile.module.css";
import { WhyButton, type WhyQuestion } from "./why.js";

/** A score of one entity: the total, its days, and every component as a bar in its group. */
export function ScoreCard({ score, name, onAsk }: { score: ScoreOfEntity; name: string; onAsk: (question: WhyQuestion) => void }) {
  const stretch = stretchOf(score.components);
  return (
    <Panel
      title={score.title}
      aside={
        <WhyButton
          about={{ title: `Why ${score.title} of ${name} is ${formatScore(score.value)}`, request: { score: score.name } }}
          onAsk={onAsk}
        />
      }
    >
      <div className={style["scoreHead"]}>
        <ScoreRing value={score.value} />
        <div className={style["scoreText"]}>
          {score.bucket === null ? null : <Pill tone="ok">{spaced(score.bucket)}</Pill>}
          <p className="faint" style={{ marginTop: 6, fontSize: 13 }}>
            <Link to={scorePath(score.name)}>Version {score.version}</Link>, computed <Ago at={score.updatedAt} />
          </p>
        </div>
        <Sparkline values={score.history.map((day) => day.value)} width={150} height={44} />
      </div>
      {groupsOf(score.components, stretch).map((group) => (
        <div key={group.title} className={style["group"]}>
          <div className={style["groupHead"]}>
            <span>{group.title}</span>
            <span className="num">
              {formatScore(group.points)} <span className="faint">of {formatScore(group.weight)}</span>
            </span>
          </div>
          <ul className={style["components"]}>
            {group.components.map((component) => (
              <Component key={component.name} component={component} stretch={stretch} />
            ))}
          </ul>
        </div>
      ))}
    </Panel>
  );
}

/** What is left out (null: ignore) shares its weight among the others: how much wider they became. */
function stretchOf(components: readonly ComponentView[]): number {
  const known = components.find((component) => component.value !== null && component.value > 0 && component.points !== null);
  return known === undefined ? 1 : (known.points ?? 0) / ((known.weight * (known.value ?? 0)) / 100);
}

function Component({ component, stretch }: { component: ComponentView; stretch: number }) {
  return (
    <li>
      <span style={{ overflowWrap: "anywhere" }}>{component.title}</span>
      <span className={parts["bar"]} aria-hidden="true">
        <span style={{ width: `${component.value ?? 0}%` }} />
      </span>
      <span className={`${style["points"]} num`}>
        {component.value === null && stretch > 1.0001 ? (
          <span className="faint">not counted</span>
        ) : (
          <>
            {formatScore(component.points ?? 0)} <span className="faint">of {formatScore(component.weight * stretch)}</span>
          </>
        )}
      </span>
    </li>
  );
}

interface Group {
  readonly title: string;
  readonly components: ComponentView[];
  points: number;
  weight: number;
}

function groupsOf(components: readonly ComponentView[], stretch: number): Group[] {
  const groups = new Map<string, Group>();
  for (const component of components) {
    const title = component.groupTitle ?? (component.group === null ? "Components" : spaced(component.group));
    const group = groups.get(title) ?? { title, components: [], points: 0, weight: 0 };
    group.components.push(component);
    group.points += component.points ?? 0;
    group.weight += component.value === null && stretch > 1.0001 ? 0 : component.weight * stretch;
    groups.set(title, group);
  }
  return [...groups.values()];
}
