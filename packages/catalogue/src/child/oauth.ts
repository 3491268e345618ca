import type { RowOutcome } from "../engine.js";
import type { CallContext } from "../protocol.js";
import type { Data, SegmentDestination } from "./segment.js";
import { oauthOf, renewedTokens, tokenKey } from "./settings.js";

/** Renews an access token that has run out. The new one lives as long as this process: nothing here writes secrets. */

export const isLoginRefused = (outcomes: readonly RowOutcome[]): boolean =>
  outcomes.some((outcome) => outcome.outcome === "retry" && outcome.status === 401);

const running = new Map<string, Promise<boolean>>();

/** One renewal at a time for a token, however many batches found it expired. */
export function refreshed(destination: SegmentDestination, call: CallContext, settings: Data): Promise<boolean> {
  const key = tokenKey(call);
  const known = running.get(key);
  if (known !== undefined) return known;
  const renewal = renew(destination, call, settings).finally(() => running.delete(key));
  running.set(key, renewal);
  return renewal;
}

async function renew(destination: SegmentDestination, call: CallContext, settings: Data): Promise<boolean> {
  const oauth = oauthOf(call.settings);
  if (oauth.refreshToken === undefined || destination.authentication?.refreshAccessToken === undefined) return false;
  try {
    const answer = await destination.refreshAccessToken(settings, { ...oauth });
    if (answer?.accessToken === undefined) return false;
    renewedTokens.set(tokenKey(call), answer.accessToken);
    return true;
  } catch (error) {
    if (error instanceof Error) return false; // the rows already say that the credentials are refused; the trace has the answer
    throw error;
  }
}
