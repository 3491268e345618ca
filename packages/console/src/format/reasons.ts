import { spaced } from "./conditions.js";

/** Why an entity was looked at and moved, as the engine codes it, in words. */
const words: Readonly<Record<string, string>> = {
  event: "an event of its own",
  merge: "two profiles became one",
  membership: "someone joined or left",
  window: "time passed: old events left the window",
  definition: "the definition changed",
  manual: "a manual list changed",
  list: "a manual list changed",
  audience: "an audience it names changed",
  rollup: "a value of its members changed",
  member: "a value of its members changed",
};

export function reasonWords(reason: string): string {
  return words[reason] ?? spaced(reason);
}
