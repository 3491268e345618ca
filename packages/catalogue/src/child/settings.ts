import type { CallContext } from "../protocol.js";
import type { Data, SegmentDestination } from "./segment.js";

/** Settings that are ours, not the destination's; used where the destination has no setting of that name. */
export const ownSettings = ["redirect_to", "access_token", "refresh_token", "client_id", "client_secret"] as const;

/** What the destination's code sees: its own settings, with its defaults where none is given. */
export function settingsOf(destination: SegmentDestination, given: Readonly<Record<string, unknown>>): Data {
  const fields = destination.authentication?.fields ?? {};
  const defaults = Object.entries(fields).filter(([, field]) => field["default"] !== undefined);
  const settings: Data = Object.fromEntries(defaults.map(([name, field]) => [name, field["default"]]));
  for (const [name, value] of Object.entries(given)) {
    if (name in fields || !(ownSettings as readonly string[]).includes(name)) settings[name] = value;
  }
  return settings;
}

export interface OauthSettings {
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
}

export function oauthOf(settings: Readonly<Record<string, unknown>>): OauthSettings {
  const text = (name: string) => (typeof settings[name] === "string" ? settings[name] : undefined);
  return {
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    clientId: text("client_id"),
    clientSecret: text("client_secret"),
  };
}

/** Tokens renewed in this process, by slug and refresh token. */
export const renewedTokens = new Map<string, string>();
export const tokenKey = (call: CallContext) => `${call.slug} ${oauthOf(call.settings).refreshToken ?? ""}`;

export function credentialsOf(destination: SegmentDestination, call: CallContext): Data {
  const oauth = oauthOf(call.settings);
  const scheme = destination.authentication?.scheme ?? "";
  if (!scheme.startsWith("oauth") && oauth.accessToken === undefined) return {};
  return {
    accessToken: renewedTokens.get(tokenKey(call)) ?? oauth.accessToken ?? "",
    refreshToken: oauth.refreshToken,
    clientId: oauth.clientId,
    clientSecret: oauth.clientSecret,
  };
}
