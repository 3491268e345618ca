import { ClickHouseError } from "@clickhouse/client";
import { CambiumError, messageOf } from "../../base/errors.js";

/** What a server refuses, or that there is none, as our errors: each with the next thing to try. */

export interface Address {
  readonly url: string;
  readonly user: string;
}

/** Another insert that must be the only one is under way. */
const quorumUnderWay = 286;

/** A statement that may be said again in a moment, and did nothing. */
export function isBusy(thrown: unknown): boolean {
  return thrown instanceof CambiumError && thrown.details["engineCode"] === quorumUnderWay;
}

/** Codes of a cluster's nodes: too few of them are there, one did not do its part in time, or cannot be reached. */
const tooFewNodes: readonly string[] = ["279", "285", "286", "289", "319", "225", "242", "999", "341"];
const ranOut = "159";

const errorSqlMax = 20_000;

/** Codes of the server: a wrong password or user, a right that a user lacks, a setting that it does not know. */
const unauthorized: readonly string[] = ["516", "192", "193", "194"];
const denied: readonly string[] = ["497", "164"];
const unknownSetting = "115";

const unreachable =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|.*CERT.*|ERR_SSL.*)$/;

export function failureOf({ url, user }: Address, statement: string, thrown: unknown): CambiumError {
  if (thrown instanceof CambiumError) return thrown;
  const said = messageOf(thrown);
  const details = {
    sql: statement.slice(0, errorSqlMax),
    ...(thrown instanceof ClickHouseError && { engineCode: Number(thrown.code), engineType: thrown.type }),
  };
  const error = (code: ConstructorParameters<typeof CambiumError>[0], message: string) =>
    new CambiumError(code, message, { cause: thrown, details });
  if (!(thrown instanceof ClickHouseError)) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    if (unreachable.test(code) || /socket hang up|timeout error/i.test(said))
      return error("WAREHOUSE_UNREACHABLE", `The ClickHouse server at ${url} cannot be reached: ${said || code}`);
    return error("WAREHOUSE_FAILED", said);
  }
  if (unauthorized.includes(thrown.code))
    return error(
      "WAREHOUSE_AUTH",
      `The ClickHouse server at ${url} refuses the user ${user}: the password in CAMBIUM_CLICKHOUSE_PASSWORD is not theirs.`,
    );
  if (denied.includes(thrown.code)) return error("WAREHOUSE_DENIED", `The user ${user} may not do this at ${url}: ${said}`);
  if (tooFewNodes.includes(thrown.code) || (thrown.code === ranOut && said.includes("distributed_ddl_task_timeout")))
    return error(
      "WAREHOUSE_UNREACHABLE",
      `A node of the cluster behind ${url}, or Keeper, did not do its part: ${said} Look at system.replicas and system.clusters there; what was asked may be repeated once the node is back.`,
    );
  if (thrown.code === unknownSetting) return error("WAREHOUSE_OUTDATED", tooOld(url, said));
  return error("WAREHOUSE_FAILED", said);
}

/** Settings and SQL that ours needs came with it. */
const versionMin = [26, 3] as const;

export function assertVersion({ url }: Address, version: string): void {
  const [year = NaN, month = NaN] = version.split(".").map(Number);
  if (!(year >= 0 && month >= 0))
    throw new CambiumError(
      "WAREHOUSE_UNREACHABLE",
      `What answers at ${url} is no ClickHouse server: it calls its version ${version.slice(0, 80)}`,
    );
  if (year < versionMin[0] || (year === versionMin[0] && month < versionMin[1]))
    throw new CambiumError("WAREHOUSE_OUTDATED", tooOld(url, `it is version ${version}`));
}

function tooOld(url: string, why: string): string {
  return `The ClickHouse server at ${url} is too old: ${why}. Cambium needs ${versionMin.join(".")} or newer.`;
}
