/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { INSIGHT_EVENTS } from "../../../contract/fixtures/insight_events.ts";
import { IDLE, reduceGeneration } from "../../state/generation_view.ts";
import { heatPixels } from "./heat_map.tsx";
import { shareSummary } from "./insight_panel.tsx";
import { pathOf } from "./step_chart.tsx";

Deno.test("pathOf() puts step 0 left, the last step right, and nothing where there is no value", () => {
  const points = [
    { step: 0, value: 1 },
    { step: 2, value: null },
    { step: 4, value: 0.5 },
    { step: 8, value: 3 },
  ];
  assert.equal(pathOf(points, { steps: 9, highest: 2 }), "0.0,36.0 120.0,54.0 240.0,0.0");
  assert.equal(pathOf([{ step: 0, value: 0 }], { steps: 1, highest: 1 }), "0.0,72.0");
});

Deno.test("heatPixels() goes from black to light yellow over the map's own range", () => {
  const pixels = [...heatPixels(Uint8Array.of(40, 200, 120))];
  assert(pixels.slice(0, 3).every((value) => value <= 4));
  assert.deepEqual(pixels.slice(4, 8), [0xfc, 0xff, 0xa4, 255]);
  assert(pixels[8]! > pixels[9]! && pixels[11] === 255);
  assert.deepEqual([...heatPixels(Uint8Array.of(7))].slice(3), [255]);
});

Deno.test("shareSummary() says the chart's end in words", () => {
  const { insights } = INSIGHT_EVENTS.reduce(
    (view, event) => reduceGeneration(view, { type: "received", event, elapsedMs: 1 }),
    IDLE,
  );
  assert.equal(
    shareSummary(insights),
    "After step 5: 25\u00a0% on words, 25\u00a0% on [EOS], 50\u00a0% on [SOS]",
  );
});
