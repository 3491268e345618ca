import type { ErrorCode } from "../base/errors.js";

/** What the shell gets back; `cambium --help` shows this table. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  invalidProject: 3,
  checkFailed: 4,
} as const;

export const exitCodeWords: readonly (readonly [number, string])[] = [
  [exitCodes.ok, "done"],
  [exitCodes.failed, "failed; the message says why and what to do"],
  [exitCodes.usage, "the command was not understood"],
  [exitCodes.invalidProject, "a definition of the project is wrong, or there is no project"],
  [exitCodes.checkFailed, "the command ran, and what it checked is not as it should be"],
];

export function exitCodeOf(code: ErrorCode): number {
  if (code === "PROJECT_INVALID" || code === "PROJECT_NOT_FOUND") return exitCodes.invalidProject;
  return code === "SYNC_GUARDED" ? exitCodes.checkFailed : exitCodes.failed;
}
