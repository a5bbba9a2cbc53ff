import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import { generationReport } from "./generation_report.ts";

const found = EVENTS.find((event) => event.type === "generation.completed");
assert(found?.type === "generation.completed");
const completed = found;

Deno.test("the report counts shared rows as evaluated, so that what was saved adds up", () => {
  const evaluations = { ...completed.evaluations, spent: 27, shared: 3 };
  const lines = generationReport(PLAN, { ...completed, evaluations }, "bird.png");
  assert.deepEqual(lines, [
    `bird.png  ${PLAN.width}x${PLAN.height}, seed 7, bitwise`,
    "30 of 40 evaluations, 3 of them shared, 25 % saved",
    "0.01 s, 96.0 % of it inside the model",
  ]);
});

Deno.test("the report does not speak of shared rows where there are none", () => {
  const [, cost] = generationReport(PLAN, completed, "bird.png");
  assert.equal(cost, "30 of 40 evaluations, 25 % saved");
});
