import { statusOfError } from "./outcomes.js";
import type { Scope } from "./scope.js";
import { inScope } from "./scope.js";
import { loadDestination } from "./segment.js";
import { oauthOf, settingsOf } from "./settings.js";
import type { VerifyCall } from "../protocol.js";

/** Settings against the destination's schema, then its own check of the credentials, where it has one. */
export async function verify(call: VerifyCall, scope: Scope): Promise<{ reason: string; auth: boolean } | undefined> {
  const destination = loadDestination(call.slug);
  const settings = settingsOf(destination, call.settings);
  const { accessToken, refreshToken, clientId, clientSecret } = oauthOf(call.settings);
  const oauth = { access_token: accessToken ?? "", refresh_token: refreshToken, clientId, clientSecret };
  return inScope(scope, async (own) => {
    try {
      destination.validateSettings({ ...settings });
      await destination.testAuthentication({ ...settings, oauth });
      return undefined;
    } catch (error) {
      const { reason } = statusOfError(error);
      const status = own.exchanges.at(-1)?.status;
      return { reason, auth: own.exchanges.length === 0 || (status !== undefined && status < 500 && status !== 429) };
    } finally {
      destination.responses.length = 0;
    }
  });
}
