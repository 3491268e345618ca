import type { ReactNode } from "react";
import { Link } from "react-router";
import style from "./parts.module.css";

/** The link of a table's row: named by its text, clickable over the whole row. */
export function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link className={style["rowLink"] ?? ""} to={to}>
      {children}
    </Link>
  );
}

/** The same for rows that open something on this page. */
export function RowButton({ onClick, children, label }: { onClick: () => void; children: ReactNode; label?: string }) {
  return (
    <button
      type="button"
      className={style["rowLink"]}
      style={{ padding: 0, border: 0, background: "none", font: "inherit", fontWeight: 550, cursor: "pointer", textAlign: "left" }}
      aria-label={label}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
