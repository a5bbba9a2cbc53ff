// What is compared is what can be compared, and the front is one.
import assert from "node:assert/strict";
import {
  bestWithin,
  mixtures,
  paperSettings,
  paretoFront,
  referenceOf,
  stepReductions,
} from "./front_settings.ts";
import { parseModelManifest } from "../../../contract/mod.ts";
import { MANIFEST } from "../../../contract/fixtures/planning_model.ts";

const ALL = ["ddim", "dpmpp_2m", "dpmpp_2m_karras", "unipc"];

function manifestWith(samplers: string[], cuts: unknown = MANIFEST.cuts) {
  const parsed = parseModelManifest({ ...MANIFEST, samplers, cuts });
  assert(parsed.ok);
  return parsed.value;
}

const point = (label: string, compute: number, nearness: number) => ({ label, compute, nearness });
const labels = (of: readonly { readonly label: string }[]) => of.map(({ label }) => label);

Deno.test("a front has what no other beats in both, from the cheapest on", () => {
  const points = [
    point("dear", 0.5, 0.99),
    point("beaten", 0.3, 0.9),
    point("cheap", 0.1, 0.8),
    point("as cheap, worse", 0.1, 0.7),
    point("middle", 0.2, 0.95),
    point("as near, dearer", 0.4, 0.95),
  ];
  assert.deepEqual(labels(paretoFront(points)), ["cheap", "middle", "dear"]);
  assert.deepEqual(paretoFront([]), []);
});

Deno.test("the best within a budget is the nearest that it allows", () => {
  const points = [point("a", 0.1, 0.8), point("b", 0.2, 0.95), point("c", 0.25, 0.9)];
  const cases = [[0.05, undefined], [0.1, "a"], [0.24, "b"], [0.3, "b"]] as const;
  for (const [budget, label] of cases) assert.equal(bestWithin(points, budget)?.label, label);
});

Deno.test("a model is compared by the samplers that it has", () => {
  const families = (
    samplers: string[],
  ) => [...new Set(stepReductions(manifestWith(samplers), 50).map(({ family }) => family))];
  assert.equal(families(ALL).length, 4);
  assert.deepEqual(families(["ddim"]), ["ddim, fewer steps"]);
  assert.deepEqual(mixtures(manifestWith(["ddim"]), 50), []);
  assert.deepEqual(paperSettings(manifestWith(["unipc"]), 50), []);
  assert.equal(referenceOf(manifestWith(["ddim"]), 50).sampler, "ddim");
  assert.equal(referenceOf(manifestWith(ALL), 50).num_inference_steps, 200);
  assert.equal(referenceOf(manifestWith(ALL), 100).num_inference_steps, 200);
});

Deno.test("a model without a cut is compared without reuse", () => {
  const bare = manifestWith(ALL, []);
  for (const { controls, label } of [...mixtures(bare, 50), ...paperSettings(bare, 50)]) {
    assert.equal(controls.reuse, undefined, label);
  }
  assert(mixtures(manifestWith(ALL), 50).some(({ controls }) => controls.reuse));
});

Deno.test("no two settings have one label, and each fits its steps", () => {
  for (const steps of [2, 4, 50, 200]) {
    const manifest = manifestWith(ALL);
    const all = [
      ...stepReductions(manifest, steps),
      ...paperSettings(manifest, steps),
      ...mixtures(manifest, steps),
    ];
    assert.equal(new Set(labels(all)).size, all.length, `${steps} steps`);
    for (const { controls: { reuse, num_inference_steps = 0 } } of all) {
      assert(
        (reuse?.from ?? 0) <= num_inference_steps && (reuse?.every ?? 0) <= num_inference_steps,
      );
    }
  }
});
