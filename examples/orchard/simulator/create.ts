import { model, sigmoid, type ChannelName } from "./model.js";
import { companyName, industries, mailName, personName, projectName, titleOf, type Role } from "./names.js";
import { random as stream, type Random } from "./random.js";
import { dayMs, hourMs, type Account, type Device, type Timezone, type User, type Workspace, type World } from "./world.js";

/** Brings accounts, workspaces, users and devices into the world; everything about them that never changes is drawn here. */
const zones: readonly (Timezone & { weight: number })[] = [
  { name: "America/New_York", hours: -5, country: "US", locale: "en-US", weight: 34 },
  { name: "America/Chicago", hours: -6, country: "US", locale: "en-US", weight: 12 },
  { name: "America/Los_Angeles", hours: -8, country: "US", locale: "en-US", weight: 22 },
  { name: "America/Sao_Paulo", hours: -3, country: "BR", locale: "pt-BR", weight: 4 },
  { name: "Europe/London", hours: 0, country: "GB", locale: "en-GB", weight: 9 },
  { name: "Europe/Berlin", hours: 1, country: "DE", locale: "de-DE", weight: 9 },
  { name: "Asia/Kolkata", hours: 5.5, country: "IN", locale: "en-IN", weight: 7 },
  { name: "Australia/Sydney", hours: 11, country: "AU", locale: "en-AU", weight: 3 },
];
const zoneWeights = zones.map((zone) => zone.weight);
const roleNames = Object.keys(model.roles) as Role[];
const roleWeights = Object.values(model.roles);
const agents = {
  laptop: [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  ],
  phone: [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
  ],
  tablet: ["Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/604.1"],
} as const;

export const pickZone = (random: Random): Timezone => zones[random.weighted(zoneWeights)]!;

export function createAccount(world: World, channel: ChannelName | undefined, before: boolean, zone: Timezone, qualityShift = 0): Account {
  const number = world.accounts.length + 1;
  const random = stream(world.seed, world.epoch, "account", number);
  const { company } = model;
  const employees = Math.max(
    1,
    Math.min(company.employeesMax, Math.round(random.logNormal(company.employeesMedian, company.employeesSigma))),
  );
  const wanted = Math.ceil(
    random.logNormal(company.usersMedian * Math.sqrt(employees / company.employeesMedian), company.usersSigma) * (before ? 1.45 : 1),
  );
  const account: Account = {
    number,
    id: `acc_${random.hex(1)}${number.toString(36)}`,
    ...companyName(random, number),
    industry: random.pick(industries),
    employees,
    country: zone.country,
    timezone: zone,
    channel,
    quality: random.normal(0, 1) + qualityShift,
    usersMax: Math.max(1, Math.min(wanted, company.usersMax, Math.max(2, Math.ceil(employees * company.userShareMax)))),
    before,
    workspaces: [],
    users: [],
    random,
    invited: 0,
    deal: undefined,
    salesLed: false,
    demoRequested: false,
  };
  world.accounts.push(account);
  return account;
}

export function createDevice(random: Random, kind: Device["kind"]): Device {
  const wrong = kind !== "tablet" && random.chance(model.devices.clockWrong);
  return {
    anonymousId: `${random.hex(1)}-${random.hex(1)}-${random.hex(2)}`,
    kind,
    userAgent: random.pick(agents[kind]),
    skewMs: wrong ? Math.round(random.normal(0, model.devices.clockHours * hourMs)) : 0,
    knownTo: undefined,
  };
}

export function createUser(
  world: World,
  account: Account,
  join: { day: number; ms: number; invited: boolean; devices?: Device[]; role?: Role; name?: { first: string; last: string } },
): User {
  const { random } = account;
  const name = join.name ?? personName(random);
  const role = join.role ?? roleNames[random.weighted(roleWeights)]!;
  const before = join.day < 0;
  const variant = before ? undefined : random.chance(model.experiment.treatmentShare) ? "treatment" : "control";
  const { activity, community, devices } = model;
  const own = join.devices ?? [createDevice(random, "laptop")];
  if (random.chance(devices.second)) own.push(createDevice(random, "laptop"));
  if (!own.some((device) => device.kind === "phone") && random.chance(devices.phone)) own.push(createDevice(random, "phone"));
  const technical = role !== "business";
  if (!technical && !before) world.tally.experiment.expected(0, 0);
  const user: User = {
    id: `usr_${random.hex(1)}${(world.users.length + 1).toString(36)}`,
    account,
    workspaces: [],
    ...name,
    email: `${mailName(name.first, name.last, world.mailNames)}@${account.domain}`,
    role,
    title: titleOf(random, role),
    joinDay: join.day,
    joinMs: join.ms,
    before,
    devices: own,
    weekday: Math.min(
      activity.weekdayMax,
      random.logNormal(activity.weekdayMedian, activity.weekdaySigma) * Math.exp(0.12 * account.quality),
    ),
    actions: random.logNormal(activity.actionsMedian, activity.actionsSigma),
    variant,
    deploysFromDay: technical ? (before ? -1 : firstDeploymentDay(world, random, account, join, variant)) : undefined,
    githubLogin:
      technical && random.chance(community.githubShare)
        ? `${name.first}${name.last.slice(0, 3)}-${world.users.length + 1}`.toLowerCase()
        : undefined,
    slackId: random.chance(community.slackShare) ? `U0${random.hex(1).toUpperCase()}` : undefined,
    githubConnected: false,
    earlyDeployments: 0,
    deployments: 0,
    activated: before && random.chance(sigmoid(0.9 + 0.4 * account.quality)),
    churnedDay: undefined,
    openTickets: 0,
    failedRecently: false,
  };
  account.users.push(user);
  world.users.push(user);
  return user;
}

/** The draw that the experiment moves: does a newcomer deploy within seven days, and when? */
function firstDeploymentDay(
  world: World,
  random: Random,
  account: Account,
  join: { day: number; invited: boolean },
  variant: "control" | "treatment" | undefined,
): number | undefined {
  const { firstDeployment } = model;
  const logOdds = firstDeployment.base + firstDeployment.quality * account.quality + (join.invited ? firstDeployment.invited : 0);
  const withControl = sigmoid(logOdds);
  const withTreatment = sigmoid(logOdds + firstDeployment.treatment);
  world.tally.experiment.expected(withControl, withTreatment);
  const draw = random.next();
  const early = Math.min(5, Math.floor(random.exponential(1.4)));
  const late = random.chance(firstDeployment.laterShare) ? 7 + random.between(1, firstDeployment.laterDaysMax) : undefined;
  if (draw < (variant === "treatment" ? withTreatment : withControl)) return join.day + early;
  return late === undefined ? undefined : join.day + late;
}

export function createWorkspace(world: World, account: Account, owner: User, createdMs: number): Workspace {
  const { random } = account;
  const number = account.workspaces.length;
  const workspace: Workspace = {
    id: `ws_${random.hex(1)}${account.number.toString(36)}${number.toString(36)}`,
    name: number === 0 ? account.name.toLowerCase() : projectName(random),
    account,
    createdMs,
    owner,
    members: [],
    projects: [projectName(random)],
    meterMs: random.between(0, dayMs - 60_000),
    weight: random.logNormal(1, model.deployments.workspaceSigma),
    plan: "free",
    trialUntilDay: undefined,
    billingDay: Math.floor((createdMs - world.startMs) / dayMs) % 30,
    minutes: new Float64Array(30),
    deployments: 0,
    connected: false,
    overage: false,
    cancelled: false,
  };
  account.workspaces.push(workspace);
  return workspace;
}

export function join(user: User, workspace: Workspace): void {
  user.workspaces.push(workspace);
  workspace.members.push(user);
}
