/**
 * The growth project of the large benches: traits, scores and audiences of three kinds over five events; every name of a
 * profile, workspace and account follows from the profile's number.
 */
export const writeKey = "bench-key";
const names = ["Opened", "Created", "Shared", "Paid", "Invited"];

export const definitions: Readonly<Record<string, string>> = {
  "cambium.yml": `
name: bench
entities:
  user: {}
  workspace: { parent: account, id: [context.groupId] }
  account: { id: [properties.account_id] }
`,
  "sources/web.yml": `{ name: web, write_keys: [${writeKey}] }`,
  "traits/all.yml": [
    ...names.flatMap((event) => [
      `- { name: ${event.toLowerCase()}, entity: [user, workspace, account], type: count, event: ${event} }`,
      `- { name: ${event.toLowerCase()}_7d, entity: [user, workspace, account], type: count, event: ${event}, within: 7 days }`,
      `- { name: ${event.toLowerCase()}_28d, entity: [user, workspace, account], type: count, event: ${event}, within: 28 days }`,
    ]),
    `- { name: revenue, entity: [user, workspace, account], type: sum, event: Paid, property: amount }`,
    `- { name: days_28d, entity: [user, workspace], type: days_active, event: "*", within: 28 days }`,
    `- { name: since, entity: [user, workspace], type: days_since, event: Opened }`,
    `- { name: last_plan, entity: [user, workspace], type: last, event: Paid, property: plan }`,
  ].join("\n"),
  "scores/user.yml": score("user"),
  "scores/workspace.yml": score("workspace"),
  "scores/account.yml": score("account"),
  "audiences/a.yml": "{ name: active, entity: user, where: { all: [{ trait: opened_7d, gte: 2 }, { score: user_score, gte: 30 }] } }",
  "audiences/b.yml": "{ name: hot, entity: workspace, where: { all: [{ trait: created_7d, gte: 20 }, { trait: revenue, gt: 100 }] } }",
  "audiences/c.yml":
    "{ name: hot_accounts, entity: account, where: { any: [{ score: account_score, gte: 60 }, { trait: paid_7d, gte: 10 }] } }",
};

function score(entity: string): string {
  return `
name: ${entity}_score
entity: ${entity}
components:
  - { name: usage, weight: 50, log: { trait: created_28d, from: 0, to: 100 } }
  - { name: sharing, weight: 25, linear: { trait: shared_28d, from: 0, to: 20 } }
  - { name: paid, weight: 25, milestone: { trait: revenue, gt: 0 } }
`;
}

/** A profile per 100 events, ten profiles a workspace, ten workspaces an account. */
export interface Sizes {
  readonly events: number;
  readonly profiles: number;
  readonly workspaces: number;
  readonly accounts: number;
}

export function sizesOf(events: number): Sizes {
  const accounts = Math.max(1, Math.floor(events / 10_000));
  return { events, profiles: accounts * 100, workspaces: accounts * 10, accounts };
}
