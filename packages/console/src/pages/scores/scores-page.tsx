import { Link } from "react-router";
import { useScores } from "../../api/queries.js";
import { formatCount, formatScore } from "../../format/numbers.js";
import { scorePath } from "../../paths.js";
import { Answer } from "../../parts/answer.js";
import { Empty } from "../../parts/notes.js";
import { PageHeader } from "../../parts/page-header.js";
import { Panel } from "../../parts/panel.js";
import { ScoreRing } from "../../parts/score-ring.js";
import { Sparkline } from "../../parts/sparkline.js";
import { Buckets } from "./buckets.js";
import style from "./scores.module.css";

export function ScoresPage() {
  const query = useScores();
  return (
    <>
      <PageHeader title="Scores" lead={<p>How far each person, workspace and account has come, 0 to 100, with every component kept.</p>} />
      <Answer query={query} what="The scores">
        {({ scores }) =>
          scores.length === 0 ? (
            <Panel>
              <Empty title="No scores yet">
                Describe one in a file under scores/: components with weights that sum to 100. It appears here after the next cycle.
              </Empty>
            </Panel>
          ) : (
            <ul className={style["cards"]}>
              {scores.map((score) => (
                <li key={score.name}>
                  <article className={style["card"]}>
                    <h2>
                      <Link to={scorePath(score.name)}>{score.title}</Link>
                    </h2>
                    <p className="faint num">
                      {formatCount(score.count)} {score.entity}s, median {formatScore(score.median)}
                    </p>
                    <div className={style["cardRow"]}>
                      <ScoreRing value={score.average} size={84} />
                      <div style={{ flex: 1, minWidth: 0 }}>
                        <Sparkline values={score.recent.map((day) => day.average)} width={210} height={52} />
                        <p className="faint" style={{ fontSize: 12.5 }}>
                          average, last 30 days
                        </p>
                      </div>
                    </div>
                    <Buckets buckets={score.buckets} figures={false} />
                  </article>
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </>
  );
}
