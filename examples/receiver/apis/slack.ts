import { type Api, type ApiAnswer, type ApiRequest, bearerOf, boundedMap, type Json, jsonOf, pathOf, textOf } from "./api.js";

/** Slack: incoming webhooks (`/services/…` answers the text `ok`) and `chat.postMessage` of the bot API (always 200). */
export function slackApi(): Api {
  const messages = boundedMap<Json>();
  let last = 0;
  const keep = (channel: string, message: Json) => {
    last += 1;
    const ts = `${1_700_000_000 + last}.000100`;
    messages.set(ts, { ts, channel, text: textOf(message["text"]) });
    return ts;
  };

  function answer(request: ApiRequest): ApiAnswer {
    const { pathname } = pathOf(request);
    const body = jsonOf(request.text);
    if (!pathname.endsWith("/chat.postMessage") && !pathname.endsWith("/auth.test")) {
      if (textOf(body["text"]) === "" && body["blocks"] === undefined) return { status: 400, body: "no_text" };
      keep(textOf(body["channel"]) || pathname, body);
      return { status: 200, body: "ok" };
    }
    if (bearerOf(request) === undefined) return { status: 200, body: { ok: false, error: "not_authed" } };
    if (pathname.endsWith("/auth.test")) return { status: 200, body: { ok: true, team: "Example" } };
    const channel = textOf(body["channel"]);
    if (channel === "") return { status: 200, body: { ok: false, error: "channel_not_found" } };
    if (textOf(body["text"]) === "") return { status: 200, body: { ok: false, error: "no_text" } };
    return { status: 200, body: { ok: true, channel, ts: keep(channel, body) } };
  }

  return { hosts: ["slack.com", "hooks.slack.com"], answer, records: () => ({ messages: [...messages.values()] }) };
}
