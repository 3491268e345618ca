import type { LedgerEquation } from "../../../../engine/src/server/contract.js";
import { formatCount, formatSigned } from "../../format/numbers.js";
import { Empty } from "../../parts/notes.js";
import { Pill } from "../../parts/pill.js";
import { Ago } from "../../parts/time.js";
import style from "./ledger.module.css";

/** Nothing lost, and provably so: each hop's total beside the terms that must make it up. */
export function Ledger({ equations, titles }: { equations: readonly LedgerEquation[]; titles: ReadonlyMap<string, string> }) {
  if (equations.length === 0) {
    return <Empty title="Nothing to add up yet">The ledger starts with the first event that is accepted.</Empty>;
  }
  return (
    <ul className={style["equations"]}>
      {equations.map((equation) => (
        <Equation key={equation.hop} equation={equation} title={titles.get(equation.hop) ?? equation.title} />
      ))}
    </ul>
  );
}

const colours: Record<string, string> = {
  stored: "var(--series-1)",
  delivered: "var(--series-1)",
  duplicates: "var(--line-strong)",
  skipped: "var(--line-strong)",
  quarantined: "var(--series-2)",
  waiting: "var(--series-2)",
  failed: "var(--series-4)",
};

function Equation({ equation, title }: { equation: LedgerEquation; title: string }) {
  const { total, terms } = equation;
  const parts = terms.filter((term) => term.value > 0);
  return (
    <li className={style["equation"]}>
      <div className={style["head"]}>
        <span style={{ fontWeight: 550 }}>{title}</span>
        {equation.balanced ? <Pill tone="ok">adds up</Pill> : <Pill tone="error">off by {formatSigned(equation.difference)}</Pill>}
      </div>
      <div className={`${style["sum"]} num`}>
        <Term name={total.name} value={total.value} />
        {terms.map((term, index) => (
          <span key={term.name} className={style["term"]}>
            <span aria-hidden="true">{index === 0 ? "=" : "+"}</span>
            <span className="visually-hidden">{index === 0 ? "equals" : "plus"}</span>
            <Term name={term.name} value={term.value} />
          </span>
        ))}
      </div>
      {parts.length < 2 ? null : (
        <div className={style["bar"]} aria-hidden="true">
          {parts.map((term) => (
            <span key={term.name} style={{ flexGrow: term.value, background: colours[term.name] ?? "var(--series-3)" }} />
          ))}
        </div>
      )}
      {equation.gaps.length === 0 ? null : (
        <ul className={style["gaps"]}>
          {equation.gaps.map((gap) => (
            <li key={gap.ref}>
              <code>{gap.ref}</code> is off by {formatSigned(gap.difference)}, <Ago at={gap.happenedAt} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Term({ name, value }: { name: string; value: number }) {
  return (
    <span className={style["term"]}>
      <b>{formatCount(value)}</b>
      <span>{name}</span>
    </span>
  );
}
