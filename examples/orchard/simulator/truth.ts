import type { Sending, SegmentMessage } from "./message.js";
import { channelNames, model, type ChannelName, type PlanName } from "./model.js";
import { minutesUsed, paid, type User, type World } from "./world.js";

/**
 * What is true about the simulated world, written beside the events so that tests can compare: exact counts of what was
 * sent, who is who, the state of every workspace, and the effects that were planted.
 */
export interface Truth {
  readonly sent: number;
  readonly unique: number;
  readonly duplicates: number;
  /** Messages that are no events, by the collector's reason: sent = unique + duplicates + these. */
  readonly faulty: Readonly<Record<string, number>>;
  readonly byType: Readonly<Record<string, number>>;
  readonly byEvent: Readonly<Record<string, number>>;
  readonly firstTimestamp: string | undefined;
  readonly lastTimestamp: string | undefined;
  readonly users: number;
  readonly workspaces: number;
  readonly accounts: number;
  readonly identity: IdentityTruth;
  readonly revenue: number;
  readonly churnedUsers: readonly string[];
  readonly activatedUsers: readonly string[];
  readonly overage: readonly string[];
  readonly activeDeals: readonly string[];
  readonly deals: { readonly won: number; readonly lost: number };
  readonly plans: Readonly<Record<PlanName, number>>;
  readonly trials: readonly string[];
  readonly paying: readonly string[];
  readonly minutes: Readonly<Record<string, number>>;
  readonly deployments: Readonly<Record<string, number>>;
  readonly members: Readonly<Record<string, readonly string[]>>;
  readonly parents: Readonly<Record<string, string>>;
  readonly channels: Readonly<Record<ChannelName, ChannelTruth>>;
  readonly experiment: ExperimentTruth;
  readonly model: typeof model;
}

export interface IdentityTruth {
  /** Distinct values of each identifier. */
  readonly identifiers: Readonly<Record<string, number>>;
  /** Profiles that remain when everything is linked; does not depend on the order of arrival. */
  readonly profiles: number;
  /** Merges that happen when the messages arrive one by one in the order sent; in another order there may be fewer or more. */
  readonly merges: number;
  /** Distinct links (identifier, user) that would have put two user ids into one profile: shared devices. */
  readonly refused: number;
  readonly sharedDevices: readonly string[];
  /** Anonymous ids of each user, community identities and phones included. */
  readonly anonymousIds: Readonly<Record<string, readonly string[]>>;
}

export interface ChannelTruth {
  readonly visitors: number;
  readonly signUps: number;
  readonly activated: number;
  readonly trueSignUpRate: number;
}

export interface ExperimentTruth {
  readonly id: string;
  readonly exposed: Readonly<Record<"control" | "treatment", number>>;
  /** First deployment within seven days. */
  readonly converted: Readonly<Record<"control" | "treatment", number>>;
  /** Mean over everybody of the true chance with and without treatment. */
  readonly trueRate: Readonly<Record<"control" | "treatment", number>>;
  readonly trueLift: number;
}

export type Tally = ReturnType<typeof createTally>;

export function createTally() {
  const identity = createIdentityTally();
  const byType: Record<string, number> = {};
  const byEvent: Record<string, number> = {};
  const users = new Set<string>();
  const groups = { workspace: new Set<string>(), account: new Set<string>() };
  const visits = Object.fromEntries(channelNames.map((name) => [name, { visitors: 0, signUps: 0 }])) as Record<
    ChannelName,
    { visitors: number; signUps: number }
  >;
  const deals = { won: 0, lost: 0 };
  const arms = { control: { exposed: 0, converted: 0 }, treatment: { exposed: 0, converted: 0 } };
  const chances = { n: 0, control: 0, treatment: 0 };
  const churned: string[] = [];
  const sharedDevices = new Set<string>();
  let sent = 0;
  let duplicates = 0;
  const faulty: Record<string, number> = {};
  let cents = 0;
  let first: string | undefined;
  let last: string | undefined;

  return {
    sharedDevices,
    joined(user: User) {
      if (user.variant !== undefined) arms[user.variant].exposed += 1;
    },
    churned: (user: User) => void churned.push(user.id),
    revenue: (amount: number) => void (cents += Math.round(amount * 100)),
    deal: (won: boolean) => void (won ? (deals.won += 1) : (deals.lost += 1)),
    visitor(channel: ChannelName, _anonymousId: string, signsUp: boolean) {
      visits[channel].visitors += 1;
      if (signsUp) visits[channel].signUps += 1;
    },
    experiment: {
      expected(control: number, treatment: number) {
        chances.n += 1;
        chances.control += control;
        chances.treatment += treatment;
      },
      converted(user: User) {
        if (user.variant !== undefined) arms[user.variant].converted += 1;
      },
    },
    /** Called for every message in the order in which it reaches the collector. */
    sent({ message, repeat, fault }: Sending) {
      sent += 1;
      if (fault !== undefined) {
        faulty[fault] = (faulty[fault] ?? 0) + 1;
        return;
      }
      if (repeat) {
        duplicates += 1;
        return;
      }
      byType[message.type] = (byType[message.type] ?? 0) + 1;
      if (message.event !== undefined) byEvent[message.event] = (byEvent[message.event] ?? 0) + 1;
      if (first === undefined || message.timestamp < first) first = message.timestamp;
      if (last === undefined || message.timestamp > last) last = message.timestamp;
      if (message.userId !== undefined) users.add(message.userId);
      if (message.type === "group") groups[message.traits?.["group_type"] === "account" ? "account" : "workspace"].add(message.groupId!);
      identity.see(message);
    },
    truth(world: World): Truth {
      const workspaces = world.accounts.flatMap((account) => account.workspaces);
      const plans = { free: 0, team: 0, business: 0, enterprise: 0 };
      for (const workspace of workspaces) plans[workspace.plan] += 1;
      const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);
      return {
        sent,
        unique: sent - duplicates - Object.values(faulty).reduce((sum, count) => sum + count, 0),
        duplicates,
        faulty,
        byType,
        byEvent,
        firstTimestamp: first,
        lastTimestamp: last,
        users: users.size,
        workspaces: groups.workspace.size,
        accounts: groups.account.size,
        identity: identity.truth(sharedDevices),
        revenue: cents / 100,
        churnedUsers: churned,
        activatedUsers: ids(world.users.filter((user) => !user.before && user.activated)),
        overage: ids(workspaces.filter((workspace) => workspace.overage)),
        activeDeals: ids(world.accounts.filter((account) => account.deal !== undefined)),
        deals: { ...deals },
        plans,
        trials: ids(workspaces.filter((workspace) => workspace.trialUntilDay !== undefined)),
        paying: ids(workspaces.filter(paid)),
        minutes: Object.fromEntries(workspaces.map((workspace) => [workspace.id, minutesUsed(workspace)])),
        deployments: Object.fromEntries(world.users.filter((user) => user.deployments > 0).map((user) => [user.id, user.deployments])),
        members: Object.fromEntries(workspaces.map((workspace) => [workspace.id, ids(workspace.members)])),
        parents: Object.fromEntries(workspaces.map((workspace) => [workspace.id, workspace.account.id])),
        channels: Object.fromEntries(
          channelNames.map((name) => {
            const activated = world.users.filter(
              (user) => user.account.channel === name && user.account.users[0] === user && user.activated,
            ).length;
            return [name, { ...visits[name], activated, trueSignUpRate: model.channels[name].signUp }];
          }),
        ) as Record<ChannelName, ChannelTruth>,
        experiment: {
          id: model.experiment.id,
          exposed: { control: arms.control.exposed, treatment: arms.treatment.exposed },
          converted: { control: arms.control.converted, treatment: arms.treatment.converted },
          trueRate: { control: chances.control / Math.max(1, chances.n), treatment: chances.treatment / Math.max(1, chances.n) },
          trueLift: (chances.treatment - chances.control) / Math.max(1, chances.n),
        },
        model,
      };
    },
  };
}

/**
 * Who is who, by the rule that the project's cambium.yml states: identifiers that come together belong together, but a
 * profile has one user id. Union–find over identifiers, in the order of sending.
 */
function createIdentityTally() {
  const parent = new Map<string, string>();
  const userOf = new Map<string, string>();
  const counts: Record<string, number> = { user_id: 0, anonymous_id: 0, email: 0, github_login: 0 };
  let merges = 0;
  let profiles = 0;
  const refused = new Set<string>();

  const rootOf = (identifier: string): string => {
    let root = identifier;
    for (let above = parent.get(root)!; above !== root; above = parent.get(root)!) root = above;
    for (let node = identifier; node !== root;) {
      const above = parent.get(node)!;
      parent.set(node, root);
      node = above;
    }
    return root;
  };

  // Most messages come from the same pair of user and device as one before, which was linked (or refused) for good then.
  const lastDevice = new Map<string, string>();

  return {
    see(message: SegmentMessage) {
      const { userId = "", anonymousId = "" } = message;
      const plain = message.type !== "identify" && message.context["traits"] === undefined;
      if (plain && lastDevice.get(userId) === anonymousId) return;
      lastDevice.set(userId, anonymousId);
      const strongestFirst = identifiersOf(message);
      let root: string | undefined;
      for (const identifier of strongestFirst) {
        if (!parent.has(identifier)) {
          counts[identifier.slice(0, identifier.indexOf(":"))]! += 1;
          parent.set(identifier, root ?? identifier);
          if (root === undefined) profiles += 1;
          if (root === undefined && identifier.startsWith("user_id:")) userOf.set(identifier, identifier);
          root ??= identifier;
          continue;
        }
        const other = rootOf(identifier);
        if (root === undefined || other === root) {
          root = other;
          continue;
        }
        const users = [userOf.get(root), userOf.get(other)];
        if (users[0] !== undefined && users[1] !== undefined) {
          refused.add(`${identifier} ${users[0]}`);
          continue;
        }
        parent.set(other, root);
        if (users[1] !== undefined) userOf.set(root, users[1]);
        merges += 1;
        profiles -= 1;
      }
    },
    truth(sharedDevices: ReadonlySet<string>): IdentityTruth {
      const anonymousIds: Record<string, string[]> = {};
      for (const identifier of parent.keys()) {
        if (!identifier.startsWith("anonymous_id:")) continue;
        const user = userOf.get(rootOf(identifier));
        if (user === undefined) continue;
        const list = (anonymousIds[user.slice("user_id:".length)] ??= []);
        list.push(identifier.slice("anonymous_id:".length));
      }
      return { identifiers: { ...counts }, profiles, merges, refused: refused.size, sharedDevices: [...sharedDevices], anonymousIds };
    },
  };
}

/** In the order of their priority in cambium.yml. */
export function identifiersOf(message: SegmentMessage): string[] {
  const identifiers: string[] = [];
  if (message.userId !== undefined) identifiers.push(`user_id:${message.userId}`);
  const contextTraits = message.context["traits"] as Record<string, unknown> | undefined;
  const traits = message.type === "identify" ? message.traits : undefined;
  const email = traits?.["email"] ?? contextTraits?.["email"];
  if (typeof email === "string") identifiers.push(`email:${email.toLowerCase()}`);
  const github = traits?.["github_login"] ?? contextTraits?.["github_login"];
  if (typeof github === "string") identifiers.push(`github_login:${github}`);
  if (message.anonymousId !== undefined && !/^[0-]*$/.test(message.anonymousId)) identifiers.push(`anonymous_id:${message.anonymousId}`);
  return identifiers;
}
