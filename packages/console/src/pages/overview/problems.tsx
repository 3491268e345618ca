import { IconAlertTriangle } from "@tabler/icons-react";
import type { Problem } from "../../../../engine/src/server/contract.js";
import { Ago } from "../../parts/time.js";
import style from "./overview.module.css";

/** What needs a person, first thing on the page. */
export function Problems({ problems, failing }: { problems: readonly Problem[]; failing: boolean }) {
  return (
    <section className={style["problems"]} data-tone={failing ? "error" : "warn"} aria-label="Needs attention">
      <ul>
        {problems.map((problem, index) => (
          <li key={index}>
            <IconAlertTriangle size={18} stroke={1.7} aria-hidden />
            <div>
              <strong>{problem.message}</strong>{" "}
              {problem.at === null ? null : (
                <span className="soft">
                  <Ago at={problem.at} />
                </span>
              )}
              <p>{problem.next}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
