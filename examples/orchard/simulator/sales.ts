import { say, startPaying } from "./billing.js";
import { groupAccount } from "./emit.js";
import { model, sigmoid } from "./model.js";
import { momentOf } from "./time.js";
import type { Account, World } from "./world.js";

/** The sales team's CRM: opens deals with accounts that are big or beyond their limit, and wins or loses them. */
const reps = ["r.lindgren", "t.osei", "m.castell", "y.tanaka"] as const;

export function salesDay(world: World, account: Account): void {
  const { random, deal } = account;
  const workspace = account.workspaces[0];
  if (workspace === undefined || account.salesLed) return;
  if (deal !== undefined) {
    if (world.day >= deal.closesDay) closeDeal(world, account);
    else if (deal.stage === "discovery" && random.chance(0.1)) {
      deal.stage = "proposal";
      say(world, workspace, "crm", momentOf(world, random, world.day, account.timezone), "Deal Stage Changed", {
        ...dealOf(account),
        stage: "proposal",
      });
    }
    return;
  }
  const { sales } = model;
  const overage = account.workspaces.some((candidate) => candidate.overage);
  const big = account.employees >= sales.employeesMin;
  const chance = account.demoRequested ? sales.demo : (big ? sales.open : 0) + (overage ? sales.openOverage * (big ? 1 : 0.2) : 0);
  if (account.users.every((user) => user.churnedDay !== undefined) || !random.chance(chance)) return;
  account.deal = {
    id: `deal_${random.hex(1)}`,
    amount: Math.round(account.employees * model.sales.amountPerEmployee * random.logNormal(1, 0.4)) + 2_400,
    closesDay: world.day + random.between(sales.daysMin, sales.daysMax),
    rep: random.pick(reps),
    stage: "discovery",
  };
  say(world, workspace, "crm", momentOf(world, random, world.day, account.timezone), "Deal Opened", {
    ...dealOf(account),
    stage: "discovery",
  });
}

function closeDeal(world: World, account: Account): void {
  const { random } = account;
  const workspace = account.workspaces[0]!;
  const { win } = model.sales;
  const active = account.users.filter((user) => user.churnedDay === undefined).length / account.users.length;
  const logOdds =
    win.base +
    (active >= 0.5 ? win.halfActive : 0) +
    (account.workspaces.some((candidate) => candidate.overage) ? win.overage : 0) +
    (account.demoRequested ? win.demo : 0);
  const won = random.chance(sigmoid(logOdds));
  const at = momentOf(world, random, world.day, account.timezone);
  say(world, workspace, "crm", at, won ? "Deal Won" : "Deal Lost", {
    ...dealOf(account),
    ...(won ? {} : { reason: random.pick(["price", "timing", "competitor", "no_answer"]) }),
  });
  world.tally.deal(won);
  account.deal = undefined;
  account.demoRequested = false;
  if (!won) return;
  account.salesLed = true;
  for (const each of account.workspaces) {
    if (each.cancelled) continue;
    each.trialUntilDay = undefined;
    startPaying(world, each, "enterprise", at + 5_000, each.plan);
  }
  groupAccount(world, random, workspace.owner, account, at + 8_000);
}

const dealOf = (account: Account) => ({
  deal_id: account.deal!.id,
  account_id: account.id,
  amount: account.deal!.amount,
  currency: "USD",
  rep: account.deal!.rep,
});
