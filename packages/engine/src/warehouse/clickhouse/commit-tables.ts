import { defineTable } from "../table.js";

/** What writers keep about themselves and their commits; see `terms.ts` and `commits.ts`. */

export const terms = defineTable({
  schema: "ops",
  table: "terms",
  purpose: "who wrote when: a term for each process that opens the warehouse for writing, under the lease that it holds",
  columns: { term: "integer", lease: "text", writer: "text" },
  key: ["term", "writer"],
  appended: true,
});

export const commits = defineTable({
  schema: "ops",
  table: "commits",
  purpose: "what each writer committed, in order: the statements that publish it; all but a writer's last are published",
  columns: { term: "integer", number: "integer", txn: "integer", writer: "text", redo: "json" },
  key: ["term", "number"],
  appended: true,
});

export const closures = defineTable({
  schema: "ops",
  table: "closures",
  purpose: "the last commit that counts of each writer whose lease another took over",
  columns: { term: "integer", last_number: "integer", closed_by: "integer" },
  key: ["term"],
  appended: true,
});

export const renewals = defineTable({
  schema: "ops",
  table: "renewals",
  purpose: "that the holder of each lease lives: it counts up every few seconds, and says when it lets go",
  columns: { lease: "text", term: "integer", renewals: "integer", released: "boolean", holder: "text" },
  key: ["lease"],
});
