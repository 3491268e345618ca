import { formatCount } from "../../format/numbers.js";
import { Empty } from "../../parts/notes.js";
import parts from "../../parts/parts.module.css";
import style from "./syncs.module.css";

const colours: Readonly<Record<string, string>> = {
  delivered: "var(--series-1)",
  retry: "var(--series-2)",
  failed: "var(--series-4)",
  skipped: "var(--line-strong)",
};

/** One bar of all outcomes, and a button for each that shows its rows. */
export function Outcomes({
  outcomes,
  chosen,
  onChoose,
}: {
  outcomes: readonly { outcome: string; count: number }[];
  chosen: string | undefined;
  onChoose: (outcome: string | undefined) => void;
}) {
  if (outcomes.length === 0) return <Empty title="Nothing tried yet">Outcomes appear with the first run.</Empty>;
  return (
    <>
      <div className={parts["shares"]} aria-hidden="true">
        {outcomes.map((each) =>
          each.count === 0 ? null : (
            <span
              key={each.outcome}
              style={{ flexGrow: each.count, minWidth: 3, background: colours[each.outcome] ?? "var(--series-3)" }}
            />
          ),
        )}
      </div>
      <ul className={style["outcomeList"]}>
        {outcomes.map((each) => (
          <li key={each.outcome}>
            <button
              type="button"
              className={style["outcomeButton"]}
              aria-pressed={chosen === each.outcome}
              onClick={() => onChoose(chosen === each.outcome ? undefined : each.outcome)}
            >
              <span className={style["swatch"]} style={{ background: colours[each.outcome] ?? "var(--series-3)" }} aria-hidden="true" />
              {each.outcome === "retry" ? "tried again later" : each.outcome} <span className="num">{formatCount(each.count)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
