import { CambiumError, messageOf } from "../../base/errors.js";

/** The collector's process tells by its last words, our own server by the error itself. */
export function portTaken(thrown: unknown, whose: "collector" | "console"): CambiumError | undefined {
  const [, address] = /EADDRINUSE: address already in use (\S+)/.exec(messageOf(thrown)) ?? [];
  if (address === undefined) return undefined;
  return new CambiumError("PORT_TAKEN", `Another program listens on ${address}, which the ${whose} was to have.`, { cause: thrown });
}
