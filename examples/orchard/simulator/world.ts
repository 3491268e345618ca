import type { ChannelName, PlanName } from "./model.js";
import type { Role } from "./names.js";
import type { Outbox } from "./outbox.js";
import type { Random } from "./random.js";
import type { Tally } from "./truth.js";

/** The state of the simulated company between two days: plain data that the processes of a day read and change. */
export interface World {
  readonly seed: string;
  /** Days of history; campaigns are laid out over them. */
  readonly days: number;
  /** Start of day 0, milliseconds. */
  readonly startMs: number;
  /** Everything relative to the reference size. */
  readonly scale: number;
  /** Empty during history; afterwards it keeps ids of different live sessions apart. */
  epoch: string;
  day: number;
  readonly accounts: Account[];
  readonly users: User[];
  readonly strangers: Stranger[];
  /** What was arranged for a later day, in the order it was arranged. */
  readonly agenda: Map<number, (() => void)[]>;
  /** Draws of the faulty widget. */
  readonly widget: Random;
  readonly outbox: Outbox;
  readonly tally: Tally;
  readonly mailNames: Set<string>;
  /** Users left who will sign up on the conference tablet. */
  kioskLeft: number;
  pairsLeft: number;
  readonly kiosk: Device;
}

export interface Account {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly industry: string;
  readonly employees: number;
  readonly country: string;
  readonly timezone: Timezone;
  readonly channel: ChannelName | undefined;
  /** Latent fit; shifts activation and staying. */
  readonly quality: number;
  /** It never grows beyond this. */
  readonly usersMax: number;
  readonly before: boolean;
  readonly workspaces: Workspace[];
  readonly users: User[];
  /** Drives everything that happens in the account. */
  random: Random;
  invited: number;
  deal: Deal | undefined;
  salesLed: boolean;
  demoRequested: boolean;
}

export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly account: Account;
  readonly createdMs: number;
  readonly owner: User;
  readonly members: User[];
  readonly projects: string[];
  /** Time after the day's start at which the meter reports, in milliseconds. */
  readonly meterMs: number;
  /** How heavy its builds are, relative to others. */
  readonly weight: number;
  plan: PlanName;
  trialUntilDay: number | undefined;
  billingDay: number;
  /** Minutes of deployments by day of the last thirty. */
  readonly minutes: Float64Array;
  deployments: number;
  connected: boolean;
  overage: boolean;
  cancelled: boolean;
}

export interface User {
  readonly id: string;
  readonly account: Account;
  readonly workspaces: Workspace[];
  readonly first: string;
  readonly last: string;
  readonly email: string;
  readonly role: Role;
  readonly title: string;
  readonly joinDay: number;
  readonly joinMs: number;
  readonly before: boolean;
  readonly devices: Device[];
  readonly weekday: number;
  readonly actions: number;
  readonly variant: "control" | "treatment" | undefined;
  /** Day of the first deployment, drawn at sign-up; undefined: never. */
  readonly deploysFromDay: number | undefined;
  readonly githubLogin: string | undefined;
  readonly slackId: string | undefined;
  githubConnected: boolean;
  earlyDeployments: number;
  deployments: number;
  activated: boolean;
  churnedDay: number | undefined;
  openTickets: number;
  failedRecently: boolean;
}

export interface Device {
  readonly anonymousId: string;
  readonly kind: "laptop" | "phone" | "tablet";
  readonly userAgent: string;
  readonly skewMs: number;
  /** The user last identified on it. */
  knownTo: string | undefined;
}

export interface Stranger {
  readonly login: string;
  readonly random: Random;
}

export interface Deal {
  readonly id: string;
  readonly amount: number;
  readonly closesDay: number;
  readonly rep: string;
  stage: "discovery" | "proposal";
}

export interface Timezone {
  readonly name: string;
  readonly hours: number;
  readonly country: string;
  readonly locale: string;
}

export const dayMs = 86_400_000;
export const hourMs = 3_600_000;

/** Does something on a later day (or today, if that day has come). */
export function arrange(world: World, day: number, task: () => void): void {
  const tasks = world.agenda.get(day);
  if (tasks === undefined) world.agenda.set(day, [task]);
  else tasks.push(task);
}

export const isWeekend = (world: World, day: number): boolean => {
  const weekday = new Date(world.startMs + (day + 0.5) * dayMs - 5 * hourMs).getUTCDay();
  return weekday === 0 || weekday === 6;
};

/** The instant within a day at which it is `localHour` (fractions allowed) in a zone. */
export function atLocalHour(world: World, day: number, zone: Timezone, localHour: number): number {
  const dayStart = world.startMs + day * dayMs;
  const startHour = (dayStart % dayMs) / hourMs;
  const hours = (((localHour - zone.hours - startHour) % 24) + 24) % 24;
  return Math.floor(dayStart + hours * hourMs);
}

export const dayOf = (world: World, at: number): number => Math.floor((at - world.startMs) / dayMs);

export const paid = (workspace: Workspace): boolean => workspace.plan !== "free" && workspace.trialUntilDay === undefined;

export const minutesUsed = (workspace: Workspace): number => {
  let sum = 0;
  for (const minutes of workspace.minutes) sum += minutes;
  return Math.round(sum * 10) / 10;
};
