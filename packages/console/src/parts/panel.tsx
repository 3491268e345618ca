import { type ReactNode, useId } from "react";
import style from "./parts.module.css";

/** A titled part of a page. `flush` lets tables reach the edges. */
export function Panel(props: {
  title?: string;
  note?: ReactNode;
  aside?: ReactNode;
  flush?: boolean;
  span?: 4 | 5 | 6 | 7 | 8;
  children: ReactNode;
}) {
  const id = useId();
  const named = props.title !== undefined;
  return (
    <section className={style["panel"]} data-span={props.span} aria-labelledby={named ? id : undefined}>
      {named ? (
        <div className={style["panelHead"]}>
          <div>
            <h2 id={id}>{props.title}</h2>
            {props.note === undefined ? null : <p>{props.note}</p>}
          </div>
          {props.aside}
        </div>
      ) : null}
      <div className={style[props.flush === true ? "panelFlush" : "panelBody"]}>{props.children}</div>
    </section>
  );
}

export function Grid({ children }: { children: ReactNode }) {
  return <div className={style["grid"]}>{children}</div>;
}

export function Stack({ children }: { children: ReactNode }) {
  return <div className={style["stack"]}>{children}</div>;
}

/** A strip of figures. */
export function Facts({ facts }: { facts: readonly { label: string; value: ReactNode; note?: ReactNode }[] }) {
  return (
    <dl className={style["facts"]}>
      {facts.map((fact) => (
        <div key={fact.label} className={style["fact"]}>
          <dt>{fact.label}</dt>
          <dd className="num">
            {fact.value} {fact.note === undefined ? null : <small>{fact.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
