import type { JsonObject, SegmentMessage } from "./message.js";
import { model, type Channel } from "./model.js";
import type { Random } from "./random.js";
import { minutesUsed, paid, type Account, type Device, type Timezone, type User, type Workspace, type World } from "./world.js";

/** How each kind of client of Orchard writes its messages: the website and app in a browser, the phone app, the servers. */
const browserLibrary = { name: "analytics.js", version: "npm:next-1.84.3" };
const phoneLibrary = { name: "analytics-ios", version: "1.9.2" };
const service = (name: string): JsonObject => ({
  library: { name: "@segment/analytics-node", version: "3.1.0" },
  channel: "server",
  service: name,
});
const services = {
  backend: service("backend"),
  deployer: service("deployer"),
  billing: service("billing"),
  crm: service("crm"),
  support: service("support"),
  github: service("github-webhook"),
  slack: service("slack-bot"),
} as const;
export type Service = keyof typeof services;

const commandLine = { library: { name: "analytics-go", version: "3.3.0" }, channel: "cli" };
export const zeroId = "00000000-0000-0000-0000-000000000000";
const site = "https://orchard.example";

export interface Client {
  readonly random: Random;
  readonly device: Device;
  readonly zone: Timezone;
  readonly user?: User | undefined;
  readonly workspace?: Workspace | undefined;
  readonly channel?: Channel | undefined;
}

export function clientOf(user: User, device: Device, workspace: Workspace | undefined): Client & { user: User } {
  return { random: user.account.random, device, zone: user.account.timezone, user, workspace };
}

const iso = (at: number) => new Date(at).toISOString();
export const messageId = (random: Random) => `orchard-${random.hex(3)}`;

function fromClient(world: World, client: Client, at: number, page: JsonObject | undefined, rest: Partial<SegmentMessage>): void {
  const { device, zone, user, workspace, channel, random } = client;
  const clock = at + device.skewMs;
  const context: JsonObject = {
    library: device.kind === "phone" ? phoneLibrary : browserLibrary,
    userAgent: device.userAgent,
    locale: zone.locale,
    timezone: zone.name,
    ...(page === undefined ? {} : { page }),
    ...(workspace === undefined ? {} : { groupId: workspace.id }),
    ...(channel?.source === undefined ? {} : { campaign: campaignOf(channel) }),
  };
  const message = {
    messageId: messageId(random),
    timestamp: iso(clock),
    ...(user === undefined ? {} : { userId: user.id }),
    anonymousId: device.anonymousId,
    context,
    ...rest,
  } as SegmentMessage;
  world.outbox.send(at, message, device);
}

const campaignOf = (channel: Channel): JsonObject => ({
  ...(channel.name === undefined ? {} : { name: channel.name }),
  source: channel.source!,
  medium: channel.medium!,
  ...(channel.content === undefined ? {} : { content: channel.content }),
});

/** A page of the website, documentation or app; a screen on the phone. The UTM parameters stand in the URL, too. */
export function page(world: World, client: Client, at: number, name: string, path: string, referrer = ""): void {
  const { channel } = client;
  const search =
    channel?.name === undefined
      ? ""
      : `?utm_source=${channel.source}&utm_medium=${channel.medium}&utm_campaign=${channel.name}&utm_content=${channel.content}`;
  const described = { path, url: `${site}${path}${search}`, title: `${name} – Orchard`, referrer, search };
  if (client.device.kind === "phone" && client.user !== undefined) {
    fromClient(world, client, at, undefined, { type: "screen", name, properties: { name } });
    return;
  }
  fromClient(world, client, at, described, { type: "page", name, properties: { name, ...described } });
}

export function track(world: World, client: Client, at: number, event: string, properties: JsonObject): void {
  fromClient(world, client, at, undefined, { type: "track", event, properties });
}

/** A server's event: no device, no anonymous id. */
export function serverTrack(
  world: World,
  from: { service: Service; random: Random; user: User; workspace?: Workspace | undefined },
  at: number,
  event: string,
  properties: JsonObject,
): void {
  const context = services[from.service];
  world.outbox.send(at, {
    type: "track",
    messageId: messageId(from.random),
    timestamp: iso(at),
    userId: from.user.id,
    event,
    properties,
    context: from.workspace === undefined ? context : { ...context, groupId: from.workspace.id },
  });
}

/** The command line knows the user; one broken release also sends an anonymous id of zeros, which identifies nobody. */
export function commandTrack(world: World, from: { random: Random; user: User; workspace: Workspace }, at: number, command: string): void {
  const broken = from.random.chance(model.zeroIdShare);
  world.outbox.send(at, {
    type: "track",
    messageId: messageId(from.random),
    timestamp: iso(at),
    userId: from.user.id,
    ...(broken ? { anonymousId: zeroId } : {}),
    event: "CLI Command Run",
    properties: { command, version: broken ? "4.2.3" : from.random.pick(["4.1.0", "4.3.0"]) },
    context: { ...commandLine, groupId: from.workspace.id },
  });
}

/** Community tools know people by their own identifiers: GitHub's login, Slack's id and e-mail. */
export function communityTrack(
  world: World,
  from: { service: "github" | "slack"; random: Random; anonymousId: string; traits: JsonObject },
  at: number,
  event: string,
  properties: JsonObject,
): void {
  world.outbox.send(at, {
    type: "track",
    messageId: messageId(from.random),
    timestamp: iso(at),
    anonymousId: from.anonymousId,
    event,
    properties,
    context: { ...services[from.service], traits: from.traits },
  });
}

export function identify(world: World, client: Client & { user: User }, at: number, extra: JsonObject = {}): void {
  fromClient(world, client, at, undefined, { type: "identify", traits: { ...traitsOf(client.user), ...extra } });
}

/** An anonymous visitor leaves an e-mail address. */
export function leaveEmail(world: World, client: Client, at: number, email: string): void {
  fromClient(world, client, at, undefined, { type: "identify", traits: { email } });
  track(world, client, at + 40, "Newsletter Subscribed", { list: "changelog" });
}

export function serverIdentify(world: World, random: Random, user: User, at: number, traits: JsonObject = traitsOf(user)): void {
  world.outbox.send(at, {
    type: "identify",
    messageId: messageId(random),
    timestamp: iso(at),
    userId: user.id,
    traits,
    context: services.backend,
  });
}

export function groupAccount(world: World, random: Random, user: User, account: Account, at: number): void {
  const traits: JsonObject = {
    group_type: "account",
    name: account.name,
    domain: account.domain,
    website: `https://www.${account.domain}`,
    industry: account.industry,
    employees: account.employees,
    country: account.country,
    billing: account.salesLed ? "sales" : "self_serve",
  };
  sendGroup(world, random, user, account.id, traits, at);
}

export function groupWorkspace(world: World, random: Random, user: User, workspace: Workspace, at: number): void {
  const plan = model.plans[workspace.plan];
  const traits: JsonObject = {
    group_type: "workspace",
    account_id: workspace.account.id,
    name: workspace.name,
    plan: workspace.plan,
    on_trial: workspace.trialUntilDay !== undefined,
    billing: workspace.account.salesLed ? "sales" : "self_serve",
    seats: plan.seats,
    minutes_limit: plan.minutes,
    cancelled: workspace.cancelled,
    created_at: iso(workspace.createdMs),
  };
  sendGroup(world, random, user, workspace.id, traits, at);
}

function sendGroup(world: World, random: Random, user: User, groupId: string, traits: JsonObject, at: number): void {
  world.outbox.send(at, {
    type: "group",
    messageId: messageId(random),
    timestamp: iso(at),
    userId: user.id,
    groupId,
    traits,
    context: services.backend,
  });
}

export function traitsOf(user: User): JsonObject {
  const workspace = user.workspaces[0];
  return {
    email: user.email,
    firstName: user.first,
    lastName: user.last,
    name: `${user.first} ${user.last}`,
    title: user.title,
    role: user.role,
    createdAt: iso(user.joinMs),
    company: { id: user.account.id, name: user.account.name, industry: user.account.industry, employee_count: user.account.employees },
    ...(workspace === undefined ? {} : { plan: workspace.plan, paying: paid(workspace) }),
    ...(user.githubConnected && user.githubLogin !== undefined ? { github_login: user.githubLogin } : {}),
  };
}

/** What the metering service reports once a day. */
export const usageOf = (workspace: Workspace): JsonObject => ({
  workspace_id: workspace.id,
  metric: "deployment_minutes_30d",
  usage: minutesUsed(workspace),
  limit: model.plans[workspace.plan].minutes,
  seats_used: workspace.members.length,
  seats: model.plans[workspace.plan].seats,
});
