/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { INSIGHT_EVENTS } from "../../contract/fixtures/insight_events.ts";
import { IDLE, reduceGeneration } from "./generation_view.ts";
import { latestMaps } from "./insight_view.ts";

const fold = (count: number) =>
  INSIGHT_EVENTS.slice(0, count).reduce(
    (view, event) => reduceGeneration(view, { type: "received", event, elapsedMs: 1 }),
    IDLE,
  ).insights;

Deno.test("every insight is kept, in the order of steps", () => {
  const { attention, frequency, guidance, attentionSummary, frequencySummary } = fold(6);
  assert.deepEqual(attention.map(({ step }) => step), [0, 4]);
  assert.equal(frequency[0]?.x.high, 1.5);
  assert.equal(guidance[0]?.cosine, 0.96875);
  assert.equal(attentionSummary?.convergence.reached, 4);
  assert.equal(frequencySummary?.noise.high, 1.5);
});

Deno.test("the newest maps are shown, and their mean once it is there", () => {
  assert.equal(latestMaps(fold(1)), null);
  const [, second] = fold(2).attention;
  assert.equal(latestMaps(fold(2)), second?.maps);
  const all = fold(6);
  assert.equal(latestMaps(all), all.attentionSummary?.maps);
});

Deno.test("a new run starts without insights", () => {
  const view = reduceGeneration({ ...IDLE, insights: fold(6) }, { type: "submitted" });
  assert.equal(latestMaps(view.insights), null);
});
