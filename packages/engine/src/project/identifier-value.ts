import type { Dialect } from "../warehouse/dialect.js";
import { type Sql, join, sql } from "../warehouse/sql.js";
import { blockedValues, identifierLengthMax, rulesInFactOrder } from "./identity-defaults.js";
import type { IdentifierRule } from "./kinds/config.js";

/**
 * The SQL that decides what counts as an identifier: the loader (owner of a fact) and identity resolution both use it,
 * so that the same text is the same identifier everywhere.
 */

/** The value as the identifier knows it (e-mail in lower case without blanks); null stays null. */
export function normalValue(dialect: Dialect, rule: Pick<IdentifierRule, "lower">, text: Sql): Sql {
  return rule.lower === true ? dialect.lower(sql`trim(${text})`) : text;
}

/** Engines make a join of `IN` with more than a few values, and several of those cost a small load more than all the rest of it. */
const comparedMax = 50;

/** True for a value that identifies nobody: blocked by the rule, or too long. */
export function isBlocked(dialect: Dialect, blocked: readonly string[], text: Sql): Sql {
  const patterns = blocked.filter(isPattern).map((entry) => dialect.matches(text, entry.slice(1, -1)));
  const exact = blocked.filter((entry) => !isPattern(entry)).map((entry) => sql`${entry.trim().toLowerCase()}`);
  const plain = dialect.lower(sql`trim(${text})`);
  const isListed = exact.length > comparedMax ? sql`${plain} IN (${join(exact)})` : dialect.listContains(dialect.list(exact), plain);
  const listed = exact.length === 0 ? [] : [isListed];
  return sql`(${join([sql`${dialect.textLength(text)} > ${identifierLengthMax}`, ...listed, ...patterns], " OR ")})`;
}

/** The identifier's value, or null where the event has none that counts. */
export function identifierValue(dialect: Dialect, rule: IdentifierRule, text: Sql): Sql {
  const value = normalValue(dialect, rule, text);
  return sql`CASE WHEN NOT ${isBlocked(dialect, rule.blocked ?? [], value)} THEN ${value} END`;
}

/** `idOf(type, value)` in SQL; null for a null value. */
export function identifierId(dialect: Dialect, type: string, value: Sql): Sql {
  return dialect.hash64(sql`${`${type}:`} || ${value}`);
}

/** The id of the raw identifier that a fact belongs to: user_id if it counts, else anonymous_id, else e-mail. */
export function factIdentifier(
  dialect: Dialect,
  rules: readonly IdentifierRule[],
  columns: { readonly user_id: Sql; readonly anonymous_id: Sql; readonly email: Sql },
): Sql {
  const owners = rulesInFactOrder(rules).flatMap((rule) =>
    rule.type === "user_id" || rule.type === "anonymous_id" || rule.type === "email"
      ? [identifierId(dialect, rule.type, identifierValue(dialect, rule, columns[rule.type]))]
      : [],
  );
  return sql`coalesce(${join(owners)})`;
}

/** An outside id of a group, or null where it names none ("null", "undefined", too long). */
export function groupKeyValue(dialect: Dialect, text: Sql): Sql {
  return sql`CASE WHEN NOT ${isBlocked(dialect, blockedValues, text)} THEN ${text} END`;
}

function isPattern(entry: string): boolean {
  return entry.length > 2 && entry.startsWith("/") && entry.endsWith("/");
}
