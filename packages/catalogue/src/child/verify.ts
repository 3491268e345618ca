import { statusOfError } from "./outcomes.js";
import type { Scope } from "./scope.js";
import { inScope } from "./scope.js";
import { loadDestination } from "./segment.js";
import { refreshed } from "./oauth.js";
import { credentialsOf, settingsOf } from "./settings.js";
import type { VerifyCall } from "../protocol.js";

/** Settings against the destination's schema, then its own check of the credentials, where it has one. */
export async function verify(call: VerifyCall, scope: Scope): Promise<{ reason: string; auth: boolean } | undefined> {
  const destination = loadDestination(call.slug);
  const settings = settingsOf(destination, call.settings);
  const check = () => {
    const { accessToken, refreshToken, clientId, clientSecret } = credentialsOf(destination, call);
    const oauth = { access_token: accessToken ?? "", refresh_token: refreshToken, clientId, clientSecret };
    return inScope(scope, async (own) => {
      try {
        destination.validateSettings({ ...settings });
        await destination.testAuthentication({ ...settings, oauth });
        return undefined;
      } catch (error) {
        return { reason: statusOfError(error).reason, status: own.exchanges.at(-1)?.status, asked: own.exchanges.length > 0 };
      } finally {
        destination.responses.length = 0;
      }
    });
  };
  let refusal = await check();
  if (refusal?.status === 401 && (await inScope(scope, () => refreshed(destination, call, settings)))) refusal = await check();
  if (refusal === undefined) return undefined;
  const { reason, status, asked } = refusal;
  return { reason, auth: !asked || (status !== undefined && status < 500 && status !== 429) };
}
