import { createAccount, createUser, createWorkspace, join, pickZone } from "./create.js";
import { groupAccount, groupWorkspace, serverIdentify } from "./emit.js";
import { model, type PlanName } from "./model.js";
import { random as stream, type Random } from "./random.js";
import { dayMs, hourMs, type Account, type Workspace, type World } from "./world.js";

/**
 * Those who were customers before the history starts. On the first night the backend back-fills who they are (identify
 * and group calls), as a company does on the day it installs analytics; their earlier events are not known.
 */
export function populate(world: World): void {
  const random = stream(world.seed, "before");
  const many = Math.max(3, Math.round(model.before.accounts * world.scale));
  let at = world.startMs + 5 * 60_000;
  for (let number = 0; number < many; number += 1) {
    const account = createAccount(world, undefined, true, pickZone(random));
    furnish(world, account);
    at = backfill(world, account, at);
  }
}

function furnish(world: World, account: Account): void {
  const { random } = account;
  const opened = -random.between(5, model.before.ageDaysMax);
  let workspace: Workspace | undefined;
  for (let number = 0; number < account.usersMax; number += 1) {
    const day = number === 0 ? opened : -random.between(1, -opened);
    const ms = world.startMs + day * dayMs + random.between(9 * hourMs, 22 * hourMs);
    const user = createUser(world, account, { day, ms, invited: number > 0, ...(number === 0 ? { role: "lead" } : {}) });
    account.invited += number > 0 ? 1 : 0;
    user.githubConnected = user.githubLogin !== undefined && random.chance(model.community.connectShare);
    user.deployments = 0;
    if (!random.chance(model.before.aliveShare)) user.churnedDay = day;
    if (workspace === undefined || workspace.members.length >= model.workspaceMembers) {
      workspace = createWorkspace(world, account, user, ms + 60_000);
      workspace.connected = true;
    }
    join(user, workspace);
    for (const device of user.devices) device.knownTo = user.id;
  }
  // Half of the larger teams still had room to grow.
  (account as { usersMax: number }).usersMax = Math.ceil(account.usersMax * (random.chance(0.5) ? 1.25 : 1));
  for (const each of account.workspaces) equip(each, random);
}

/** Minutes of the month before, and a plan that mostly fits them. */
function equip(workspace: Workspace, random: Random): void {
  const builders = workspace.members.filter((member) => member.churnedDay === undefined && member.deploysFromDay !== undefined);
  const daily = builders.reduce((sum, member) => sum + member.weekday * member.actions, 0) * 0.9 * workspace.weight;
  for (let day = 0; day < 30; day += 1) workspace.minutes[day] = Math.round(daily * random.next() * 2 * 0.75 * 10) / 10;
  const expected = daily * 30 * 0.75 * random.logNormal(1, 0.45);
  const names: PlanName[] = ["free", "team", "business", "enterprise"];
  workspace.plan =
    names.find((name) => expected <= model.plans[name].minutes && workspace.members.length <= model.plans[name].seats) ?? "enterprise";
  if (workspace.plan === "enterprise") workspace.account.salesLed = true;
}

function backfill(world: World, account: Account, start: number): number {
  const { random } = account;
  let at = start;
  const founder = account.users[0]!;
  groupAccount(world, random, founder, account, (at += 180));
  for (const user of account.users) {
    serverIdentify(world, random, user, (at += 90));
    for (const workspace of user.workspaces) groupWorkspace(world, random, user, workspace, (at += 60));
  }
  return at;
}
