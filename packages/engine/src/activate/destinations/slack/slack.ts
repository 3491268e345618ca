import { CambiumError } from "../../../base/errors.js";
import type { DeliveryContext, Destination, DestinationRow, RowOutcome } from "../../destination.js";
import { guardedAgents } from "../../egress.js";
import { type HttpRequest, type HttpResult, isAuth, isRetryable, sendRequest } from "../../http.js";
import { Pacer, type PacerTime, realTime } from "../../pacer.js";
import { slackSpec } from "./spec.js";

/**
 * Messages to Slack, by incoming webhook or bot token. Slack takes about one message a second and channel: rows of one
 * channel go out in order at that pace, and when Slack asks for a pause the rest of them waits as well.
 */
export function slackDestination(time: PacerTime = realTime): Destination {
  const agents = guardedAgents();
  const pacers = new Map<string, Pacer>();
  const pacerOf = (channel: string) => {
    const known = pacers.get(channel) ?? new Pacer(messagesPerSecond, time);
    if (pacers.size < channelsMax) pacers.set(channel, known);
    return known;
  };
  const post = async (request: HttpRequest, channel: string, context: DeliveryContext) => {
    if (!context.dryRun) await pacerOf(channel).pass(context.signal);
    return sendRequest(context, agents.of(context.allow), request);
  };
  return {
    spec: slackSpec,
    async verify(context) {
      const way = wayOf(context);
      if (way.type === "webhook") return; // A webhook can only be tried by posting with it.
      const result = await post({ ...bare(way), url: `${way.api}/auth.test`, body: "{}" }, "auth", context);
      const outcome = outcomeOf(result, way);
      if (outcome.outcome !== "delivered")
        throw new CambiumError("DESTINATION_AUTH", "reason" in outcome ? outcome.reason : "Slack refused the token");
    },
    async deliver(rows, context) {
      const way = wayOf(context);
      const held = new Map<string, RowOutcome>();
      const outcomes: RowOutcome[] = [];
      for (const row of rows) {
        const channel = channelOf(row, way);
        const before = held.get(channel);
        const outcome = before ?? (await deliverOne(post, row, channel, way, context));
        if (outcome.outcome === "retry")
          held.set(channel, { ...outcome, reason: `waits behind another message: ${reasonOnly(outcome.reason)}` });
        outcomes.push(outcome);
      }
      return outcomes;
    },
    close: () => agents.close(),
  };
}

const messagesPerSecond = 1;
const channelsMax = 10_000;
const textCharactersMax = 40_000;

type Way = { type: "webhook"; url: string } | { type: "bot"; token: string; api: string; channel: string | undefined };

function wayOf(context: DeliveryContext): Way {
  const { webhook_url: url, bot_token: token, channel, api_url: api } = context.settings;
  if (typeof token === "string") {
    return {
      type: "bot",
      token,
      api: typeof api === "string" ? api.replace(/\/$/, "") : "https://slack.com/api",
      channel: typeof channel === "string" ? channel : undefined,
    };
  }
  if (typeof url === "string" && (URL.canParse(url) || context.dryRun)) return { type: "webhook", url };
  throw new CambiumError("PROJECT_INVALID", "slack needs settings.webhook_url or settings.bot_token");
}

function channelOf(row: DestinationRow, way: Way): string {
  if (way.type === "webhook") return way.url;
  const own = row.fields["channel"];
  return typeof own === "string" && own !== "" ? own : (way.channel ?? "");
}

function bare(way: Extract<Way, { type: "bot" }>) {
  return { method: "POST", headers: { "content-type": "application/json; charset=utf-8", authorization: `Bearer ${way.token}` } };
}

async function deliverOne(
  post: (request: HttpRequest, channel: string, context: DeliveryContext) => Promise<HttpResult>,
  row: DestinationRow,
  channel: string,
  way: Way,
  context: DeliveryContext,
): Promise<RowOutcome> {
  if (row.change === "remove" && context.mode !== "add_remove")
    return { outcome: "skipped", reason: "nothing to say about a row that left" };
  const text = row.fields["text"];
  if (typeof text !== "string" || text === "") return { outcome: "failed", reason: "a message needs text" };
  if (text.length > textCharactersMax)
    return { outcome: "failed", reason: `the text has ${text.length} characters; Slack takes ${textCharactersMax}` };
  const message = { text, ...optional(row.fields, "blocks"), ...optional(row.fields, "thread_ts") };
  if (way.type === "webhook") {
    const request = { method: "POST", url: way.url, headers: { "content-type": "application/json" }, body: JSON.stringify(message) };
    return outcomeOf(await post(request, channel, context), way);
  }
  if (channel === "") return { outcome: "failed", reason: "a bot token needs settings.channel or a mapped field channel" };
  const request = { ...bare(way), url: `${way.api}/chat.postMessage`, body: JSON.stringify({ channel, ...message }) };
  return outcomeOf(await post(request, channel, context), way);
}

function optional(fields: DestinationRow["fields"], field: string): Record<string, unknown> {
  const value = fields[field];
  if (value === undefined || value === null || value === "") return {};
  if (field !== "blocks" || typeof value !== "string") return { [field]: value };
  try {
    return { blocks: JSON.parse(value) as unknown };
  } catch {
    return {}; // The text says the same; blocks that are no JSON are left out.
  }
}

/** Answers of the bot API that another try cannot change, about the token. */
const authErrors =
  /^(not_authed|invalid_auth|account_inactive|token_revoked|token_expired|missing_scope|no_permission|org_login_required)$/;
const passingErrors = /^(ratelimited|rate_limited|internal_error|fatal_error|service_unavailable|request_timeout|message_limit_exceeded)$/;

function outcomeOf(result: HttpResult, way: Way): RowOutcome {
  if (result.type === "dry") return { outcome: "skipped", reason: "dry run" };
  if (result.type === "denied") throw new CambiumError("EGRESS_DENIED", result.reason);
  if (result.type === "unanswered") return { outcome: "retry", reason: result.reason, requestId: result.requestId };
  const { status, requestId, retryAfterMs } = result;
  const said = way.type === "bot" ? errorOf(result.body) : result.body.slice(0, 200);
  if (status < 300 && (way.type === "webhook" || said === undefined)) return { outcome: "delivered", status, requestId };
  const reason = `Slack answered ${status}: ${said ?? ""}`;
  if (isRetryable(status) || (said !== undefined && passingErrors.test(said)))
    return { outcome: "retry", reason, status, requestId, retryAfterMs };
  if (said !== undefined && authErrors.test(said)) return { outcome: "failed", reason, status: 401, requestId };
  return {
    outcome: "failed",
    reason,
    status: isAuth(status) && way.type === "webhook" && said === "action_prohibited" ? 400 : status,
    requestId,
  };
}

/** The `error` of the bot API's answer, or undefined when it says ok. */
function errorOf(body: string): string | undefined {
  try {
    const answer = JSON.parse(body) as { ok?: unknown; error?: unknown };
    return answer.ok === true ? undefined : String(answer.error ?? "unknown");
  } catch {
    return "not JSON";
  }
}

function reasonOnly(reason: string): string {
  return reason.replace(/^waits behind another message: /, "");
}
