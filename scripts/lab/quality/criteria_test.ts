/** A criterion that a wrong number meets is a false claim. */
import assert from "node:assert/strict";
import { criteriaOf, criterionLine, judgeIsGoodEnough } from "./criteria.ts";
import { exampleResult } from "./fixtures/example_result.ts";
import { shareOf } from "../statistics/estimate.ts";

const share = (right: number, count: number) =>
  shareOf(Array.from({ length: count }, (_, i) => i < right));
const good = exampleResult();

Deno.test("a model that reaches everything meets every criterion", () => {
  const lines = criteriaOf(good).map(criterionLine);
  assert.equal(lines.filter((line) => line.startsWith("NOT MET")).length, 0, lines.join("\n"));
  assert.ok(lines.length >= 19);
});

const pairWith = (key: string, right: number) => ({
  drawn: { ...good.drawn, pair: { ...good.drawn.pair, [key]: share(right, 100) } },
});
const judgeWith = (key: string, right: number) => ({
  judge: { ...good.judge, single: { ...good.judge.single, [key]: share(right, 1000) } },
});
const FAULTS: readonly (readonly [string, object, readonly string[]])[] = [
  ["a judge of objects below 97 %", judgeWith("object", 969), ["judge: object right"]],
  ["a judge of colours below 97 %", judgeWith("colour", 969), ["judge: colour right"]],
  ["pairs at 84 %", pairWith("both_objects", 84), ["trained on an accelerator: both right"]],
  ["pairs at 59 %", pairWith("both_objects", 59), [
    "two objects: both right",
    "trained on an accelerator: both right",
  ]],
  ["a relation that was never there", pairWith("relation_of_both", NaN), [
    "two objects: relation",
    "accelerator: relation",
  ]],
  ["too few objects", { asked: { ...good.asked, objects: 54 } }, ["at least 100 objects"]],
  ["small images", { model: { ...good.model, height: 64 } }, ["at least 100 objects"]],
  ["copies", { near_copies: { ...good.near_copies, nearer: share(20, 128) } }, ["near copies"]],
  ["a slow U-Net", { latency: { ...good.latency, unet_row_ms: 30.1 } }, ["U-Net row"]],
  ["much memory", { latency: { ...good.latency, peak_rss_mb: 501 } }, ["peak memory"]],
];

for (const [name, change, expected] of FAULTS) {
  Deno.test(`${name}: not met`, () => {
    const missed = criteriaOf({ ...good, ...change }).filter(({ met }) => !met);
    assert.equal(missed.length, expected.length);
    for (const [i, part] of expected.entries()) assert.ok(missed[i]!.text.includes(part));
  });
}

Deno.test("a judge is good enough only with objects and colours", () => {
  assert.equal(judgeIsGoodEnough(good), true);
  assert.equal(judgeIsGoodEnough({ ...good, ...judgeWith("object", 969) }), false);
  assert.equal(judgeIsGoodEnough({ ...good, ...judgeWith("colour", 969) }), false);
});
