import { createUser, createWorkspace, join } from "./create.js";
import { clientOf, groupAccount, groupWorkspace, identify, leaveEmail, page, serverTrack, track, type Client } from "./emit.js";
import { model } from "./model.js";
import { session } from "./people.js";
import { dayOf, type Account, type Device, type User, type Workspace, type World } from "./world.js";

/** How people arrive: a founder opens an account with a workspace, a colleague accepts an invitation. */
export function signUp(
  world: World,
  founder: { account: Account; name: { first: string; last: string }; devices: Device[]; newsletterOn?: Device },
  at: number,
): void {
  const { account, name } = founder;
  const { random } = account;
  const devices = borrowed(world, founder.devices);
  const user = createUser(world, account, { day: dayOf(world, at), ms: at, invited: false, devices, name });
  const workspace = createWorkspace(world, account, user, at + 60_000);
  join(user, workspace);
  const client = clientOf(user, user.devices[0]!, undefined);
  if (founder.newsletterOn !== undefined) {
    leaveEmail(world, { random, device: founder.newsletterOn, zone: account.timezone }, at - 90_000, user.email);
  }
  page(world, { ...client, user: undefined }, at - 4_000, "Sign up", "/signup");
  arrive(world, client, user, at, "Signed Up", {
    method: random.pick(["github", "google", "email"]),
    channel: account.channel ?? "unknown",
  });
  groupAccount(world, random, user, account, at + 400);
  serverTrack(world, { service: "backend", random, user }, at + 450, "Account Created", { account_id: account.id });
  const inWorkspace: Client = { ...client, workspace };
  track(world, inWorkspace, at + 60_000, "Workspace Created", { workspace_id: workspace.id, account_id: account.id, first: true });
  if (random.chance(model.trial.share)) startTrial(world, workspace, user, at + 61_000);
  groupWorkspace(world, random, user, workspace, at + 61_500);
  if (random.chance(model.demoShare * (account.employees > 200 ? 3 : 0.5))) {
    account.demoRequested = true;
    track(world, inWorkspace, at + 95_000, "Demo Requested", { account_id: account.id, employees: account.employees });
  }
  session(world, user, inWorkspace, at + 100_000);
}

export function acceptInvitation(world: World, workspace: Workspace, inviter: User, at: number): void {
  const { account } = workspace;
  const { random } = account;
  const user = createUser(world, account, { day: dayOf(world, at), ms: at, invited: true });
  user.devices.splice(0, 1, borrowed(world, [user.devices[0]!], inviter)[0]!);
  join(user, workspace);
  const client = clientOf(user, user.devices[0]!, undefined);
  page(world, { ...client, user: undefined }, at - 20_000, "Invitation", "/invitation");
  arrive(world, client, user, at, "Signed Up", { method: random.pick(["github", "google", "email"]), channel: "invitation" });
  const inWorkspace: Client = { ...client, workspace };
  track(world, inWorkspace, at + 300, "Invitation Accepted", { workspace_id: workspace.id, inviter_id: inviter.id });
  groupWorkspace(world, random, user, workspace, at + 600);
  if (random.chance(model.secondWorkspaceShare)) {
    const other = random.pick(account.workspaces);
    if (other !== workspace) {
      join(user, other);
      groupWorkspace(world, random, user, other, at + 900);
    }
  }
  session(world, user, inWorkspace, at + 5_000);
}

export function startTrial(world: World, workspace: Workspace, user: User, at: number): void {
  workspace.plan = "team";
  workspace.trialUntilDay = dayOf(world, at) + model.trial.days;
  serverTrack(world, { service: "billing", random: workspace.account.random, user, workspace }, at, "Trial Started", {
    workspace_id: workspace.id,
    plan: "team",
    days: model.trial.days,
  });
}

function arrive(
  world: World,
  client: Client,
  user: User,
  at: number,
  event: string,
  properties: { method: string; channel: string },
): void {
  const known = { ...client, user };
  client.device.knownTo = user.id;
  identify(world, known, at);
  track(world, known, at + 200, event, properties);
  track(world, known, at + 900, "Experiment Viewed", {
    experiment_id: model.experiment.id,
    experiment_name: model.experiment.name,
    variation_id: user.variant === "treatment" ? "1" : "0",
    variation_name: user.variant!,
  });
  world.tally.joined(user);
}

/** A few sign-ups happen on a device that somebody else used before: a tablet at a conference, a colleague's laptop. */
function borrowed(world: World, devices: Device[], colleague?: User): Device[] {
  const { shared } = model;
  const share = world.day / world.days;
  if (colleague === undefined && world.kioskLeft > 0 && share >= shared.kioskFrom && share < shared.kioskTo) {
    world.kioskLeft -= 1;
    world.tally.sharedDevices.add(world.kiosk.anonymousId);
    return [world.kiosk, ...devices];
  }
  const theirs = colleague?.devices[0];
  if (theirs !== undefined && world.pairsLeft > 0 && theirs.knownTo === colleague?.id) {
    world.pairsLeft -= 1;
    world.tally.sharedDevices.add(theirs.anonymousId);
    return [theirs];
  }
  return devices;
}
