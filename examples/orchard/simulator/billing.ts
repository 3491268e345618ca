import { groupWorkspace, serverIdentify, serverTrack, usageOf, type Service } from "./emit.js";
import { model, sigmoid, type PlanName } from "./model.js";
import { momentOf } from "./time.js";
import { dayMs, hourMs, minutesUsed, paid, type Workspace, type World } from "./world.js";

/** What a workspace does with its plan on a day: usage against the limit, trial, upgrade, invoice, cancellation. */
const planOrder = ["free", "team", "business", "enterprise"] as const satisfies readonly PlanName[];

export function workspaceDay(world: World, workspace: Workspace): void {
  if (workspace.cancelled) return;
  endTrial(world, workspace);
  maybeUpgrade(world, workspace);
  if (world.day % 30 === ((workspace.billingDay % 30) + 30) % 30) invoice(world, workspace);
  if (paid(workspace) && workspace.members.every((member) => member.churnedDay !== undefined)) cancel(world, workspace);
}

/** Once a day, at the workspace's own hour, the meter reports the thirty days that are over; a new day begins with nothing. */
export function meter(world: World, workspace: Workspace): void {
  const used = minutesUsed(workspace);
  if (used > 0 && !workspace.cancelled) reportUsage(world, workspace, used);
  workspace.minutes[((world.day % 30) + 30) % 30] = 0;
}

function reportUsage(world: World, workspace: Workspace, usage: number): void {
  const { minutes: limit } = model.plans[workspace.plan];
  const at = world.startMs + world.day * dayMs + workspace.meterMs;
  say(world, workspace, "billing", at, "Usage Reported", usageOf(workspace));
  const overage = usage > limit;
  if (overage && !workspace.overage) {
    say(world, workspace, "billing", at + 1_000, "Limit Reached", {
      workspace_id: workspace.id,
      metric: "deployment_minutes_30d",
      limit,
      usage,
    });
  }
  workspace.overage = overage;
}

function endTrial(world: World, workspace: Workspace): void {
  if (workspace.trialUntilDay === undefined || world.day < workspace.trialUntilDay) return;
  const at = world.startMs + world.day * dayMs + workspace.account.random.between(hourMs, 22 * hourMs);
  workspace.trialUntilDay = undefined;
  const activated = workspace.deployments >= 10 && workspace.members.length >= 2;
  const converts = workspace.account.random.chance(sigmoid(model.trial.base + (activated ? model.trial.activatedWorkspace : 0)));
  say(world, workspace, "billing", at, "Trial Ended", { workspace_id: workspace.id, converted: converts });
  if (converts) startPaying(world, workspace, "team", at + 2_000, "free");
  else changePlan(world, workspace, "free", at + 2_000);
}

function maybeUpgrade(world: World, workspace: Workspace): void {
  const { random } = workspace.account;
  const next = planOrder[planOrder.indexOf(workspace.plan) + 1];
  if (next === undefined || next === "enterprise" || workspace.trialUntilDay !== undefined) return;
  if (workspace.members.every((member) => member.churnedDay !== undefined)) return;
  const { upgrade, plans } = model;
  const chance =
    upgrade.plain +
    (workspace.overage ? upgrade.overage : 0) +
    (workspace.members.length >= plans[workspace.plan].seats ? upgrade.seatsFull : 0);
  if (!random.chance(chance)) return;
  startPaying(world, workspace, next, momentOf(world, random, world.day, workspace.account.timezone), workspace.plan);
}

export function startPaying(world: World, workspace: Workspace, plan: PlanName, at: number, from: PlanName): void {
  changePlan(world, workspace, plan, at + 1_500);
  workspace.billingDay = world.day;
  say(world, workspace, "billing", at, "Plan Upgraded", { workspace_id: workspace.id, from, to: plan, mrr: amountOf(workspace) });
}

export function changePlan(world: World, workspace: Workspace, plan: PlanName, at: number): void {
  const { random } = workspace.account;
  workspace.plan = plan;
  workspace.overage = minutesUsed(workspace) > model.plans[plan].minutes;
  groupWorkspace(world, random, workspace.owner, workspace, at);
  serverIdentify(world, random, workspace.owner, at + 300);
}

function amountOf(workspace: Workspace): number {
  const plan = model.plans[workspace.plan];
  const over = Math.max(0, minutesUsed(workspace) - plan.minutes);
  const cents = Math.round((plan.base + plan.seat * Math.max(1, workspace.members.length) + over * model.overagePrice) * 100);
  return cents / 100;
}

function invoice(world: World, workspace: Workspace): void {
  if (!paid(workspace)) return;
  const { random } = workspace.account;
  const amount = amountOf(workspace);
  const at = world.startMs + world.day * dayMs + random.between(2 * hourMs, 20 * hourMs);
  const properties = { invoice_id: `inv_${random.hex(2)}`, workspace_id: workspace.id, plan: workspace.plan, amount, currency: "USD" };
  say(world, workspace, "billing", at, "Invoice Created", properties);
  if (random.chance(model.paymentFails)) {
    say(world, workspace, "billing", at + 60_000, "Payment Failed", {
      ...properties,
      reason: random.pick(["card_expired", "insufficient_funds"]),
    });
    return;
  }
  say(world, workspace, "billing", at + 60_000, "Payment Succeeded", { ...properties, revenue: amount });
  world.tally.revenue(amount);
}

function cancel(world: World, workspace: Workspace): void {
  const { random } = workspace.account;
  const at = momentOf(world, random, world.day, workspace.account.timezone);
  say(world, workspace, "billing", at, "Subscription Cancelled", { workspace_id: workspace.id, plan: workspace.plan, reason: "unused" });
  workspace.cancelled = true;
  changePlan(world, workspace, "free", at + 1_000);
}

export function say(
  world: World,
  workspace: Workspace,
  service: Service,
  at: number,
  event: string,
  properties: Parameters<typeof serverTrack>[4],
): void {
  serverTrack(world, { service, random: workspace.account.random, user: workspace.owner, workspace }, at, event, properties);
}
