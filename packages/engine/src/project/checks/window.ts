import { durationOf } from "../kinds/words.js";
import type { Placed } from "../parse-definitions.js";
import type { Known } from "./known.js";

/** Windows are buckets of days or hours; `exact: true` asks for the instant and is computed from the events themselves. */
export function checkWindow(
  known: Known,
  at: Placed<unknown>,
  path: readonly PropertyKey[],
  window: { within?: string | undefined; exact?: boolean | undefined },
): void {
  const { within, exact } = window;
  if (within === undefined) {
    if (exact === true) {
      known.report(
        at,
        [...path, "exact"],
        "`exact` says how a window is measured, and there is no `within`.",
        "Add `within:`, or remove `exact`.",
        "key",
      );
    }
    return;
  }
  const { length } = durationOf(within);
  if (length === 0) known.report(at, [...path, "within"], `A window of \`${within}\` holds nothing.`, "Choose a length of at least one.");
  else if (/m/.test(within.replace(/^[\d ]+/, "").charAt(0)) && exact !== true) {
    known.report(
      at,
      [...path, "within"],
      `\`${within}\` is finer than the hourly buckets that windows are kept in.`,
      "Add `exact: true`, or choose whole hours.",
    );
  }
}
