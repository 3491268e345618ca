import { deploy } from "./deploy.js";
import { clientOf, commandTrack, identify, page, track, type Client } from "./emit.js";
import { model } from "./model.js";
import type { Random } from "./random.js";
import { momentOf } from "./time.js";
import { isWeekend, paid, type Device, type User, type World } from "./world.js";

/** What one person does on one day: stay or leave for good, come or not, sessions of actions on one device or another. */
type Action = keyof (typeof model.actions)["developer"];
const actionNames = Object.keys(model.actions.developer) as Action[];
const actionWeights = {
  developer: Object.values(model.actions.developer),
  lead: Object.values(model.actions.lead),
  business: Object.values(model.actions.business),
} as const;
const featureNames = Object.keys(model.features);
const featureWeights = Object.values(model.features);
const commands = ["orchard deploy", "orchard logs", "orchard env pull", "orchard link", "orchard rollback"] as const;
const integrations = ["slack", "pagerduty", "datadog", "github_actions", "terraform"] as const;
const appPages = ["Dashboard", "Deployments", "Settings", "Usage", "Team"] as const;

export function personDay(world: World, user: User): void {
  if (user.churnedDay !== undefined || user.joinDay >= world.day) return;
  const { random } = user.account;
  if (leaves(world, user, random)) return;
  const age = world.day - user.joinDay;
  const interest = model.retention.floor + (1 - model.retention.floor) * Math.exp(-age / model.retention.days);
  const weekend = isWeekend(world, world.day) ? model.activity.weekendFactor : 1;
  const mustCome = user.deploysFromDay === world.day;
  if (!mustCome && !random.chance(user.weekday * interest * weekend)) return;
  user.failedRecently = false;
  const sessions = random.chance(model.activity.secondSession) ? 2 : 1;
  for (let count = 0; count < sessions; count += 1) {
    const workspace = user.workspaces.length > 1 && random.chance(0.35) ? user.workspaces[1] : user.workspaces[0];
    session(world, user, clientOf(user, deviceOf(user, random), workspace), momentOf(world, random, world.day, user.account.timezone));
  }
}

/** Daily decision to leave for good, from the second week on. */
function leaves(world: World, user: User, random: Random): boolean {
  if (world.day - user.joinDay < model.activated.days) return false;
  if (!random.chance(churnChance(user))) return false;
  user.churnedDay = world.day;
  world.tally.churned(user);
  return true;
}

export function churnChance(user: User): number {
  const { churn } = model;
  const workspace = user.workspaces[0];
  const effects =
    (user.activated ? churn.activated : 0) +
    (workspace !== undefined && workspace.members.length >= churn.teamMembers ? churn.team : 0) +
    (workspace !== undefined && paid(workspace) ? churn.paid : 0) +
    (user.openTickets > 0 ? churn.openTicket : 0) +
    (user.failedRecently ? churn.failedDeployment : 0) +
    (user.before ? churn.before : 0) +
    churn.quality * user.account.quality;
  return churn.base * Math.exp(effects);
}

function deviceOf(user: User, random: Random): Device {
  const phone = user.devices.find((device) => device.kind === "phone");
  if (phone !== undefined && random.chance(model.devices.phoneSessions)) return phone;
  const computers = user.devices.filter((device) => device.kind === "laptop");
  if (computers.length === 0) return user.devices[0]!;
  return computers.length > 1 && random.chance(0.3) ? computers[1]! : computers[0]!;
}

/** One sitting: sign in if this device does not know the user, a page, then actions some seconds or minutes apart. */
export function session(world: World, user: User, client: Client, start: number): void {
  const { random } = user.account;
  const known = { ...client, user };
  let at = start;
  if (client.device.knownTo !== user.id) {
    page(world, { ...client, user: undefined }, at, "Sign in", "/login");
    at += 6_000;
    client.device.knownTo = user.id;
    identify(world, known, at);
    track(world, known, at + 150, "Signed In", { method: "password", new_device: true });
    at += 500;
  }
  const where = random.pick(appPages);
  page(world, known, at, where, `/app/${where.toLowerCase()}`);
  const actions = 1 + random.poisson(user.actions);
  for (let count = 0; count < actions; count += 1) {
    at += 1_500 + Math.floor(random.exponential(50_000));
    act(world, user, known, at);
  }
}

function act(world: World, user: User, client: Client & { user: User }, at: number): void {
  const { random } = user.account;
  const { workspace } = client;
  if (workspace === undefined) return;
  const action = actionNames[random.weighted(actionWeights[user.role])]!;
  const project = random.pick(workspace.projects);
  switch (action) {
    case "deploy":
      if (user.deploysFromDay !== undefined && user.deploysFromDay <= world.day) deploy(world, user, client, workspace, at);
      else track(world, client, at, "Template Viewed", { template: random.pick(["node", "python", "static", "go", "docker"]) });
      return;
    case "logs":
      return track(world, client, at, "Logs Viewed", { project, lines: random.between(20, 4_000) });
    case "feature":
      return track(world, client, at, "Feature Used", { feature: featureNames[random.weighted(featureWeights)]! });
    case "command":
      return commandTrack(world, { random, user, workspace }, at, random.pick(commands));
    case "secret":
      return track(world, client, at, "Secret Added", { project, environment: random.pick(["production", "preview"]) });
    case "project": {
      const created = `${project.split("-")[0]}-${random.hex(1).slice(0, 4)}`;
      if (workspace.projects.length < 12) workspace.projects.push(created);
      return track(world, client, at, "Project Created", { project: created });
    }
    case "alert":
      return track(world, client, at, "Alert Created", { project, channel: random.pick(["email", "slack"]) });
    case "key":
      return track(world, client, at, "API Key Created", { scope: random.pick(["read", "deploy", "admin"]) });
    case "integration":
      return track(world, client, at, "Integration Installed", { integration: random.pick(integrations) });
  }
}
