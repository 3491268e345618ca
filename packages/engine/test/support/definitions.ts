const traits = `
- { name: paid, entity: [user, workspace, account], type: count, event: Paid }
- { name: paid_7d, entity: [user, workspace, account], type: count, event: Paid, within: 7 days }
- { name: paid_5h, entity: [user, workspace], type: sum, event: Paid, property: amount, within: 5 hours }
- { name: paid_exact, entity: user, type: count, event: Paid, within: 30 hours, exact: true }
- { name: revenue, entity: [user, workspace, account], type: sum, event: Paid, property: amount }
- { name: average, entity: [user, account], type: avg, event: Paid, property: amount }
- { name: least, entity: user, type: min, event: Paid, property: amount }
- { name: first_item, entity: [user, workspace], type: first, event: Paid, property: item }
- { name: last_item, entity: [user, workspace, account], type: last, event: Paid, property: item }
- { name: favourite, entity: [user, workspace], type: most_frequent, event: Paid, property: item, min: 1 }
- { name: items, entity: [user, account], type: unique_list, event: Paid, property: item, within: 20 days }
- { name: days, entity: [user, workspace], type: days_active, event: "*", within: 10 days }
- { name: days_100, entity: [user, workspace], type: days_active, event: Paid, within: 100 days }
- { name: days_ever, entity: [user, account], type: days_active, event: Paid }
- { name: since, entity: [user, workspace], type: days_since, event: Paid }
- { name: first_paid, entity: user, type: first_seen, event: Paid }
- { name: plan, entity: [user, workspace], type: profile }
- { name: members, entity: [workspace, account], type: rollup, from: user, roll: count }
- { name: payers, entity: workspace, type: rollup, from: user, roll: count_where, where: { trait: paid, gt: 0 } }
- { name: best, entity: account, type: rollup, from: workspace, trait: revenue, roll: max }
- { name: per_day, entity: user, type: formula, formula: "revenue / days" }
`;
/** A score of any kind of entity with a usage and a habit component. */
export const score = (entity: string, weight: number) => `
name: ${entity}_score
entity: ${entity}
components:
  - { name: usage, weight: ${weight}, log: { trait: paid_7d, from: 0, to: 10 } }
  - { name: habit, weight: ${100 - weight}, milestone: { any: [{ event: Paid, count: { gte: 2 }, within: 3 days }, { trait: last_item, is: a }] } }
buckets: { cold: 0, hot: 40 }
`;
/** A project that uses every kind of trait on every kind of entity. */
export const files = {
  "traits/all.yml": traits,
  "scores/user.yml": score("user", 60),
  "scores/account.yml": score("account", 30),
  "audiences/active.yml": `{ name: active, entity: user, where: { any: [{ score: user_score, gte: 20 }, { trait: plan, is: team }] }, holdout: 20 }`,
  "audiences/nested.yml": `{ name: nested, entity: user, where: { all: [{ audience: active }, { sequence: [{ event: Paid }, { event: Left, within: 3 days }] }] } }`,
  "audiences/rich.yml": `{ name: rich, entity: account, where: { all: [{ trait: revenue, gte: 30 }, { not: { trait: members, lt: 1 } }] } }`,
};
