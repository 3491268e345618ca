import { createWorkspace, join } from "./create.js";
import { clientOf, groupWorkspace, serverTrack, track } from "./emit.js";
import { model } from "./model.js";
import { acceptInvitation } from "./sign-up.js";
import { momentOf } from "./time.js";
import { openTicket } from "./tickets.js";
import { arrange, type Account, type User, type Workspace, type World } from "./world.js";

/** What grows and shrinks a team on a day: invitations, further workspaces, people who are removed, tickets. */
export function teamDay(world: World, account: Account): void {
  const { random } = account;
  for (const user of [...account.users]) {
    if (user.churnedDay !== undefined || user.joinDay >= world.day) continue;
    const workspace = user.workspaces[0];
    if (workspace === undefined) continue;
    if (user.deployments > 0 && account.invited + 1 < account.usersMax) maybeInvite(world, account, workspace, user);
    if (random.chance(model.tickets.plain * user.weekday)) {
      openTicket(world, user, workspace, momentOf(world, random, world.day, account.timezone));
    }
    if (workspace.owner !== user && random.chance(model.invitations.leaves)) remove(world, workspace, user);
  }
}

function maybeInvite(world: World, account: Account, home: Workspace, user: User): void {
  const { random } = account;
  const { invitations } = model;
  if (!random.chance(invitations.daily * (user.activated ? invitations.activatedFactor : 1))) return;
  const at = momentOf(world, random, world.day, account.timezone);
  const full = home.members.length >= model.workspaceMembers;
  const workspace = full ? roomOrNew(world, account, user, at - 30_000) : home;
  if (workspace.members.length >= model.plans[workspace.plan].seats) return;
  account.invited += 1;
  const client = clientOf(user, user.devices[0]!, workspace);
  track(world, client, at, "Member Invited", { workspace_id: workspace.id, role: random.pick(["member", "member", "admin"]) });
  if (!random.chance(invitations.accepted)) {
    account.invited -= 1;
    return;
  }
  const day = world.day + random.between(0, invitations.delayDaysMax);
  const sameDay = day === world.day;
  const accepted = (): number =>
    sameDay ? at + 60_000 + Math.floor(random.exponential(1_200_000)) : momentOf(world, random, day, account.timezone);
  arrange(world, day, () => acceptInvitation(world, workspace, user, accepted()));
}

/** The account's newest workspace with room, or one more. */
function roomOrNew(world: World, account: Account, user: User, at: number): Workspace {
  const newest = account.workspaces.at(-1)!;
  if (newest.members.length < model.workspaceMembers) return newest;
  const workspace = createWorkspace(world, account, user, at);
  join(user, workspace);
  workspace.plan = newest.plan === "enterprise" ? "enterprise" : "free";
  const client = clientOf(user, user.devices[0]!, workspace);
  track(world, client, at, "Workspace Created", { workspace_id: workspace.id, account_id: account.id, first: false });
  groupWorkspace(world, account.random, user, workspace, at + 500);
  return workspace;
}

function remove(world: World, workspace: Workspace, user: User): void {
  const { random } = workspace.account;
  const at = momentOf(world, random, world.day, workspace.account.timezone);
  workspace.members.splice(workspace.members.indexOf(user), 1);
  user.workspaces.splice(user.workspaces.indexOf(workspace), 1);
  user.churnedDay ??= world.day;
  serverTrack(world, { service: "backend", random, user, workspace }, at, "Member Removed", { workspace_id: workspace.id });
  world.tally.churned(user);
}
