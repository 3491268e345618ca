import { type ReactNode, useEffect } from "react";
import { Link } from "react-router";
import style from "./parts.module.css";

export interface Crumb {
  readonly label: string;
  readonly to: string;
}

/** Title, what the page is for, and its actions; also names the browser's tab. */
export function PageHeader(props: {
  title: string;
  heading?: ReactNode;
  lead?: ReactNode;
  crumbs?: readonly Crumb[];
  actions?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${props.title} · Cambium`;
  }, [props.title]);
  return (
    <header className={style["pageHeader"]}>
      <div style={{ minWidth: 0 }}>
        {props.crumbs === undefined ? null : (
          <nav aria-label="Breadcrumb">
            <ol className={style["crumbs"]}>
              {props.crumbs.map((crumb) => (
                <li key={crumb.to}>
                  <Link to={crumb.to} style={{ color: "inherit" }}>
                    {crumb.label}
                  </Link>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <h1 style={{ overflowWrap: "anywhere" }}>{props.heading ?? props.title}</h1>
        {props.lead === undefined ? null : <div className={style["lead"]}>{props.lead}</div>}
      </div>
      {props.actions === undefined ? null : <div className={style["actions"]}>{props.actions}</div>}
    </header>
  );
}
