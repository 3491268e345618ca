/**
 * The parameters of the behavioural model: everything that is true about Orchard. `examples/orchard/README.md` explains
 * each table in words. Rates are per day unless the name says otherwise; counts are for a world of 5,500 users and scale.
 */
export const model = {
  referenceUsers: 5_500,

  /** Who was there before the history starts. */
  before: { accounts: 245, ageDaysMax: 400, aliveShare: 0.78 },

  /** Employees of a company: log-normal; at most this share of them ever uses Orchard. */
  company: {
    employeesMedian: 70,
    employeesSigma: 1.35,
    employeesMax: 20_000,
    userShareMax: 0.3,
    usersMax: 140,
    usersMedian: 6.2,
    usersSigma: 1.0,
  },

  /** Visits to the website: how many people a day, which share signs up, and how good a fit they are (shift of quality). */
  channels: {
    organic: { visitors: 38, signUp: 0.042, quality: 0, source: "google", medium: "organic" },
    direct: { visitors: 16, signUp: 0.05, quality: 0.1 },
    referral: { visitors: 11, signUp: 0.07, quality: 0.15, source: "dev-weekly.example", medium: "referral" },
    /** The campaign that works: it brings people who sign up more often and stay longer. */
    ship_faster: {
      visitors: 42,
      signUp: 0.085,
      quality: 0.8,
      source: "devcast",
      medium: "podcast",
      name: "ship_faster",
      content: "episode-41",
      from: 0.27,
      to: 0.6,
    },
    /** The campaign that does not: many clicks, few sign-ups, and those fit worse. */
    world_tour: {
      visitors: 46,
      signUp: 0.009,
      quality: -0.7,
      source: "bannernet",
      medium: "display",
      name: "world_tour",
      content: "skyline",
      from: 0.44,
      to: 0.82,
    },
  },
  visits: {
    pagesMean: 2.1,
    /** Of those who sign up: share who come back on a later day before they do, and that delay at most. */
    laterShare: 0.45,
    delayDaysMax: 9,
    /** Share who came first on their phone and left their e-mail address there. */
    newsletterShare: 0.2,
    /** Newsletter sign-ups among visitors who never sign up. */
    newsletterOnlyShare: 0.03,
  },

  /** Roles of users and what they do in a session, as weights. */
  roles: { developer: 0.68, lead: 0.18, business: 0.14 },
  actions: {
    developer: { deploy: 30, logs: 24, feature: 18, command: 14, secret: 5, project: 3, alert: 3, key: 2, integration: 1 },
    lead: { deploy: 14, logs: 16, feature: 34, command: 5, secret: 5, project: 6, alert: 9, key: 4, integration: 5 },
    business: { deploy: 0, logs: 5, feature: 78, command: 0, secret: 0, project: 1, alert: 10, key: 0, integration: 6 },
  },
  features: { previews: 26, rollbacks: 10, metrics: 22, cost_report: 8, audit_log: 5, scheduler: 12, cache: 9, status_page: 8 },

  /** How often and how much: both log-normal over people, so a few do very much. */
  activity: {
    weekdayMedian: 0.38,
    weekdaySigma: 0.5,
    weekdayMax: 0.96,
    weekendFactor: 0.2,
    actionsMedian: 2.7,
    actionsSigma: 0.75,
    secondSession: 0.35,
  },
  /** A newcomer's interest falls to `floor` of its start, with this time constant. */
  retention: { floor: 0.6, days: 16 },
  /** Weight of each local hour: two humps around lunch, a tail in the evening. */
  hours: [1, 0.6, 0.4, 0.3, 0.3, 0.6, 1.5, 4, 9, 15, 18, 17, 12, 14, 18, 18, 16, 12, 8, 6, 6, 5, 4, 2],

  /** Log-odds that a newcomer deploys for the first time within seven days; the experiment moves exactly this. */
  firstDeployment: { base: -0.25, quality: 0.5, invited: 0.25, treatment: 0.55, laterShare: 0.35, laterDaysMax: 40 },
  experiment: { id: "onboarding_checklist", name: "Onboarding checklist", treatmentShare: 0.5 },

  /** What activates a user: this many deployments within this many days of joining. */
  activated: { deployments: 3, days: 7 },
  /** Daily chance of leaving for good = base · exp(sum of what applies). */
  churn: {
    base: 0.017,
    activated: -1.35,
    team: -0.45,
    teamMembers: 3,
    paid: -0.35,
    openTicket: 0.9,
    failedDeployment: 0.5,
    before: -0.85,
    quality: -0.25,
  },

  /** Invitations: sent by those who deploy, into accounts that have room. */
  invitations: { daily: 0.11, activatedFactor: 1.9, accepted: 0.68, delayDaysMax: 6, leaves: 0.0006 },
  workspaceMembers: 8,
  secondWorkspaceShare: 0.12,

  /** Prices in dollars a month. Minutes are those of deployments in the last 30 days. */
  plans: {
    free: { seats: 10, minutes: 120, base: 0, seat: 0 },
    team: { seats: 25, minutes: 700, base: 0, seat: 24 },
    business: { seats: 100, minutes: 3_500, base: 199, seat: 48 },
    enterprise: { seats: 1_000, minutes: 60_000, base: 2_500, seat: 65 },
  },
  overagePrice: 0.08,
  trial: { share: 0.4, days: 14, base: -1.3, activatedWorkspace: 1.6 },
  /** Daily chance of buying the next plan without talking to sales. */
  upgrade: { plain: 0.0006, seatsFull: 0.012, overage: 0.006 },
  paymentFails: 0.035,

  /** Sales: when a deal opens, how long it takes and what wins it (log-odds). */
  sales: {
    employeesMin: 60,
    open: 0.0012,
    openOverage: 0.012,
    demo: 0.35,
    daysMin: 9,
    daysMax: 46,
    win: { base: -0.8, halfActive: 1.2, overage: 0.7, demo: 0.4 },
    amountPerEmployee: 38,
  },
  demoShare: 0.06,

  /** Minutes of a deployment; how heavy the builds are differs between workspaces, too. */
  deployments: { minutesMedian: 3.4, workspaceSigma: 0.85, minutesSigma: 0.8, failed: 0.09 },
  /** Tickets: daily chance for an active user, more after a failed deployment. */
  tickets: { plain: 0.006, afterFailure: 0.07, hoursMean: 21, unresolved: 0.06 },

  community: {
    githubShare: 0.34,
    connectShare: 0.6,
    githubDaily: 0.012,
    strangers: 420,
    strangersDaily: 0.013,
    slackShare: 0.13,
    slackDaily: 0.05,
  },

  devices: { second: 0.3, phone: 0.28, phoneSessions: 0.22, clockWrong: 0.02, clockHours: 5 },
  /** One demo tablet at a conference, used by several people one after the other, and pairs who share a laptop. */
  shared: { kioskUsers: 9, kioskFrom: 0.4, kioskTo: 0.5, pairs: 6 },

  /** Share of command-line calls by a broken release that sends an all-zero anonymous id. */
  zeroIdShare: 0.02,

  /** An old widget: the share of messages beside which it sends one that is no event, and what it leaves out, as weights. */
  faulty: { share: 0.0006, kinds: { no_event_name: 5, no_identity: 3, unknown_type: 2, wrong_type: 1 } },

  /** What the network does to messages. */
  network: {
    latencyMsMean: 350,
    latePhone: 0.05,
    lateLaptop: 0.002,
    lateHoursMean: 9,
    lateHoursMax: 70,
    duplicate: 0.006,
    duplicateSoon: 0.8,
  },
} as const;

export type PlanName = keyof typeof model.plans;
export type ChannelName = keyof typeof model.channels;
export interface Channel {
  readonly visitors: number;
  readonly signUp: number;
  readonly quality: number;
  readonly source?: string;
  readonly medium?: string;
  readonly name?: string;
  readonly content?: string;
  /** Part of the history in which it runs. */
  readonly from?: number;
  readonly to?: number;
}

export const channelNames = Object.keys(model.channels) as ChannelName[];
export const sigmoid = (logOdds: number) => 1 / (1 + Math.exp(-logOdds));
