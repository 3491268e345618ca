import { expect, test } from "vitest";
import { conditionWords, neededWords, traitWords } from "../../src/project/definition-words.js";
import { condition } from "../../src/project/kinds/condition.js";
import { trait } from "../../src/project/kinds/trait.js";

test.each([
  [{ trait: "plan", in: ["team", "pro"] }, "plan is team or pro"],
  [{ trait: "plan", is_not: null }, "plan is set"],
  [{ trait: "seats", gte: 5, lt: 10 }, "seats is at least 5 and is less than 10"],
  [{ trait: "seats", between: [5, 9] }, "seats is between 5 and 9"],
  [{ trait: "trial_ends", within_next: "3 days" }, "trial_ends is within the next 3 days"],
  [{ score: "fit", bucket: "hot" }, "score fit is in bucket hot"],
  [{ score: "fit", gte: 50 }, "score fit is at least 50"],
  [
    { event: "deployment_created", count: { gte: 5 }, within: "7 days", where: [{ property: "env", is: "production" }] },
    "“deployment_created” at least 5 times within 7 days where env = production",
  ],
  [{ event: ["A", "B"] }, "“A” or “B” at least once"],
  [{ event: "*", count: { is: 0 }, within: "30 days" }, "any event never within 30 days"],
  [{ event: "Home", call: "page" }, "“Home” at least once"],
  [
    {
      event: "A",
      where: [
        { property: "amount", gt: 1 },
        { property: "env", in: ["a", "b"] },
      ],
    },
    "“A” at least once where amount is more than 1 and env is a or b",
  ],
  [
    { all: [{ audience: "payers" }, { any: [{ trait: "a", is: 1 }, { not: { trait: "b", exists: true } }] }] },
    "in audience payers and (a is 1 or not b is set)",
  ],
  [
    { sequence: [{ event: "A" }, { event: "B", within: "3 days", where: [{ property: "ok", is: true }] }], within: "9 days" },
    "“A”, then “B” within 3 days where ok = true, all within 9 days",
  ],
])("%j", (written, words) => {
  expect(conditionWords(condition.parse(written))).toBe(words);
});

test.each([
  [
    { type: "count", event: "Paid", within: "7 days", where: [{ property: "amount", gte: 5 }] },
    "count of “Paid” within 7 days where amount is at least 5",
  ],
  [{ type: "sum", event: ["Paid", "Refunded"], property: "amount" }, "sum of amount over “Paid” or “Refunded”"],
  [{ type: "days_active", event: "*" }, "days active of any event"],
  [{ type: "rollup", from: "user", roll: "count_where", where: { trait: "plan", is: "pro" } }, "number of users where plan is pro"],
  [{ type: "rollup", from: "user", roll: "max", trait: "paid" }, "max of paid over users"],
  [{ type: "profile" }, "last t that a call set"],
  [{ type: "formula", formula: "a / b" }, "a / b"],
])("%j", (written, words) => {
  expect(traitWords(trait.parse({ name: "t", entity: "user", ...written }))).toBe(words);
});

test.each([
  [{ in: ["team", "pro"] }, "team or pro"],
  [{ gte: 5 }, "at least 5"],
  [{ is_not: "free" }, "anything but free"],
  [{ bucket: "hot" }, "bucket hot"],
  [{ exists: false }, "nothing"],
])("needs %j", (operators, words) => {
  expect(neededWords(operators)).toBe(words);
});
