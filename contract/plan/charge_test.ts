// If this breaks, previews and insights cost work that no limit counts, or honest runs pay for them.
import assert from "node:assert/strict";
import { PLAN } from "../fixtures/events.ts";
import { chargedRows, extraEvaluations, extraSpent } from "./charge.ts";
import type { Plan } from "./plan.ts";

type Insights = Plan["insights"]["names"];

const CASES: readonly [
  method: "projection" | "vae",
  previews: number,
  names: Insights,
  planned: number,
  extra: number,
][] = [
  ["projection", 0, [], 75, 0],
  ["projection", 49, [], 75, 0],
  ["vae", 0, [], 75, 0],
  ["vae", 1, [], 75, 3],
  ["vae", 199, [], 400, 597],
  ["projection", 9, ["guidance"], 75, 8],
  ["projection", 9, ["attention", "frequency", "guidance"], 75, 23],
  ["vae", 9, ["attention"], 20, 29],
  ["projection", 0, ["frequency"], 1, 1],
];

for (const [method, count, names, planned, extra] of CASES) {
  Deno.test(`${count} previews by ${method} with [${names}] over ${planned} rows are worth ${extra}`, () => {
    const plan: Plan = {
      ...PLAN,
      previews: { every: 1, method, steps: [...Array(count).keys()] },
      insights: { ...PLAN.insights, names },
      evaluations: { ...PLAN.evaluations, planned },
    };
    assert.equal(extraEvaluations(plan), extra);
  });
}

const SPENT: readonly [extra: number, done: number, planned: number, whole: boolean, number][] = [
  [30, 0, 75, false, 0],
  [30, 1, 75, false, 1],
  [30, 75, 75, false, 30],
  [30, 80, 75, false, 30],
  [30, 0, 75, true, 30],
  [0, 50, 75, true, 0],
  [30, 0, 0, false, 0],
];

for (const [extra, done, planned, isWhole, spent] of SPENT) {
  Deno.test(`A run of ${done} of ${planned} rows${isWhole ? ", ended by itself," : ""} spends ${spent} of ${extra}`, () => {
    assert.equal(extraSpent(extra, { done, planned, isWhole }), spent);
  });
}

Deno.test("shallow rows are charged as the part of a whole row that they compute", () => {
  const plan = (planned: number, compute: number) => ({
    evaluations: { planned, full: 100, saved: 0 },
    compute: { planned: compute, full: 100, saved: 0 },
  });
  const cases = [
    [plan(100, 100), 100, 100],
    [plan(100, 100), 7, 7],
    [plan(100, 46.24), 100, 47],
    [plan(100, 46.24), 50, 24],
    [plan(1, 0.1), 1, 1],
    [plan(0, 0), 0, 0],
  ] as const;
  for (const [of, rows, charged] of cases) assert.equal(chargedRows(of, rows), charged);
});
