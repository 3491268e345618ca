import type { ReactNode } from "react";
import style from "./parts.module.css";

export type Tone = "ok" | "warn" | "error" | "cool" | "plain";

export function Pill({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={style["pill"]} data-tone={tone}>
      {children}
    </span>
  );
}

/** A dot for health; its meaning is also in words for who cannot see the colour. */
export function HealthDot({ state }: { state: "ok" | "warn" | "error" }) {
  const words = { ok: "healthy", warn: "needs a look", error: "failing" } as const;
  return (
    <>
      <span className={style["dot"]} data-tone={state} aria-hidden="true" />
      <span className="visually-hidden">{words[state]}</span>
    </>
  );
}

const tones: Record<string, Tone> = {
  ok: "ok",
  done: "ok",
  succeeded: "ok",
  delivered: "ok",
  entered: "ok",
  running: "cool",
  retry: "warn",
  waiting: "warn",
  partial: "warn",
  guarded: "warn",
  skipped: "plain",
  disabled: "plain",
  never: "plain",
  failed: "error",
};

const labels: Record<string, string> = { never: "not run yet", retry: "will retry", done: "done" };

/** State of a run or outcome of a row, as the engine wrote it. */
export function StatePill({ state }: { state: string }) {
  return <Pill tone={tones[state] ?? "plain"}>{labels[state] ?? state.replaceAll("_", " ")}</Pill>;
}
