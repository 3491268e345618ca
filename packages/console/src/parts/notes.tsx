import { IconAlertTriangle, IconLeaf } from "@tabler/icons-react";
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.js";
import style from "./parts.module.css";

/** What a place says when it has nothing to show, and when something failed: always with the next step. */

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={style["note"]}>
      <IconLeaf size={22} stroke={1.5} className={style["noteIcon"] ?? ""} aria-hidden />
      <div>
        <h3>{title}</h3>
        {children === undefined ? null : <p>{children}</p>}
        {action === undefined ? null : <div style={{ marginTop: 12 }}>{action}</div>}
      </div>
    </div>
  );
}

export function Problem({ error, retry, what }: { error: unknown; retry?: () => void; what: string }) {
  const message = error instanceof Error ? error.message : String(error);
  const next = error instanceof ApiError ? error.next : "Reload the page; if it stays, this is a defect in the console.";
  return (
    <div className={style["note"]} data-tone="error" role="alert">
      <IconAlertTriangle size={22} stroke={1.6} className={style["noteIcon"] ?? ""} aria-hidden />
      <div>
        <h3>{what} could not be loaded</h3>
        <p>{message}</p>
        <p>{next}</p>
        <div style={{ marginTop: 12, display: "flex", alignItems: "center", gap: 12 }}>
          {retry === undefined ? null : (
            <Button size="xs" variant="default" onClick={retry}>
              Try again
            </Button>
          )}
          {error instanceof ApiError ? <code className="faint">{error.code}</code> : null}
        </div>
      </div>
    </div>
  );
}
