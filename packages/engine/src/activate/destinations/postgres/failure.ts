import { CambiumError, messageOf } from "../../../base/errors.js";
import type { RowOutcome } from "../../destination.js";

/** What a failure of Postgres means, by its SQLSTATE: nobody's fault for now, the settings', or the rows'. */
export type Failure = { type: "passing"; reason: string } | { type: "settings"; reason: string } | { type: "rows"; reason: string };

export function failureOf(thrown: unknown): Failure {
  const reason = messageOf(thrown) || "the connection failed";
  if (thrown instanceof CambiumError)
    return { type: thrown.code === "EGRESS_DENIED" || thrown.code === "PROJECT_INVALID" ? "settings" : "passing", reason };
  if (thrown instanceof RangeError) return { type: "settings", reason };
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
  if (!/^[0-9A-Z]{5}$/.test(code)) return { type: "passing", reason: code === "" ? reason : `${code}: ${reason}` };
  const detail = thrown instanceof Error && "detail" in thrown && typeof thrown.detail === "string" ? ` (${thrown.detail})` : "";
  const said = `Postgres answered ${code}: ${reason}${detail}`;
  // 28 authorization, 3D/3F no such database or schema, 42501 privilege, 42P01 no such table, 42703 no such column
  if (/^(28|3D|3F)/.test(code) || code === "42501" || code === "42P01" || code === "42703" || code === "42P10")
    return { type: "settings", reason: said };
  // 22 data, 23 constraints, 42 the value does not fit the statement
  if (/^(22|23|42)/.test(code)) return { type: "rows", reason: said };
  return { type: "passing", reason: said };
}

export function outcomeOf(failure: Failure): RowOutcome {
  if (failure.type === "rows") return { outcome: "failed", reason: failure.reason };
  if (failure.type === "settings") throw new CambiumError("DESTINATION_AUTH", failure.reason);
  return { outcome: "retry", reason: failure.reason };
}
