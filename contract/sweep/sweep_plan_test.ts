/// <reference lib="deno.ns" />
// Broken here: a sweep plans otherwise than its branches, and caches images under wrong keys.
import assert from "node:assert/strict";
import { planningModel } from "../fixtures/planning_model.ts";
import {
  parseGenerationRequest,
  parseSweepRequest,
  planGeneration,
  planSweep,
  rowsTogether,
  type SeededRequest,
  type SweepPlan,
} from "../mod.ts";

const MODEL = planningModel();
const planBranch = (request: SeededRequest) => planGeneration(request, MODEL);
const base = { model: "fixture", prompt: "a blue bird" };

function plan(body: unknown): SweepPlan {
  const request = parseSweepRequest(body);
  assert(request.ok, JSON.stringify(request));
  const sweep = planSweep(request.value, 7, planBranch);
  assert(sweep.ok, JSON.stringify(sweep));
  return sweep.value;
}

function refusal(body: unknown) {
  const request = parseSweepRequest(body);
  assert(request.ok);
  const sweep = planSweep(request.value, 7, planBranch);
  assert(!sweep.ok);
  return sweep.problem;
}

Deno.test("planSweep() plans each branch as the generation that it is", () => {
  const sweep = plan({ base, cutoffs: [{ a: 0 }, { a: 10 }] });
  const single = parseGenerationRequest({ ...base, cutoff: { a: 10 } });
  assert(single.ok);
  const alone = planGeneration({ ...single.value, seed: 7 }, MODEL);
  assert(alone.ok);
  assert.deepEqual(sweep.branches[1]?.plan, alone.value);
  assert.deepEqual(sweep.branches.map(({ label }) => label), ["a = 0", "a = 10"]);
});

Deno.test("planSweep() names a sweep by its branches in order, however they were spelled", () => {
  const cutoffs = [{ a: 0 }, { a: 10 }];
  const { id } = plan({ base, cutoffs });
  assert.match(id, /^[0-9a-f]{64}$/);
  const prompt = "A  blue bird";
  assert.equal(
    plan({ base: { ...base, prompt }, cutoffs: [{ a: 0 }, { guided_steps: 10 }] }).id,
    id,
  );
  assert.notEqual(plan({ base, cutoffs: cutoffs.toReversed() }).id, id);
});

Deno.test("planSweep() runs equal branches once", () => {
  const sweep = plan({ base, cutoffs: [{ a: 5 }, { a: 0 }, { guided_steps: 15 }, { a: 20 }] });
  assert.deepEqual(sweep.branches.map(({ same_as }) => same_as), [null, null, 0, null]);
  assert.equal(sweep.evaluations.planned, 35 + 40 + 35 + 20);
  // Two rows in all 20 steps, and the tails less the row that each shares in its first step.
  assert.equal(sweep.evaluations.together, 40 + 4 + 19);
});

Deno.test("planSweep() refuses what the model cannot do, at its place and once", () => {
  const cutoff = refusal({ base, cutoffs: [{ a: 0 }, { a: 21 }] });
  assert.deepEqual(cutoff.errors?.map(({ field }) => field), ["cutoffs.1.a"]);
  assert.match(cutoff.detail, /^cutoffs\.1\.a must be from 0 to the 20 steps, given 21$/);
  const width = refusal({ base: { ...base, width: 17 }, cutoffs: [{ a: 0 }, { a: 1 }] });
  assert.deepEqual(width.errors?.map(({ field }) => field), ["base.width"]);
  const eos_swap = { prompt: "a brown chair" };
  const eos_windows = [{ from: 0, to: 21 }, { from: 5, to: 2 }];
  const windows = refusal({ base: { ...base, eos_swap }, eos_windows });
  assert.deepEqual(windows.errors?.map(({ field }) => field), [
    "eos_windows.0.to",
    "eos_windows.1.from",
  ]);
});

Deno.test("planSweep() labels tails and windows", () => {
  const cut = { ...base, cutoff: { a: 4 } };
  const tails = plan({ base: cut, tails: ["null", "cond"] });
  assert.deepEqual(tails.branches.map(({ label }) => label), ["tail null", "tail cond"]);
  const eos_swap = { prompt: "a brown chair" };
  const eos_windows = [{ from: 0, to: 5 }, { from: 5, to: 20 }];
  const swaps = plan({ base: { ...base, eos_swap }, eos_windows });
  assert.deepEqual(swaps.branches.map(({ label }) => label), ["[EOS] 0 to 5", "[EOS] 5 to 20"]);
  const marked = plan({
    base,
    cutoffs: [{ a: 4, tail: "cond" }, { guided_steps: 4, guided_from: 2 }],
  });
  assert.deepEqual(marked.branches.map(({ label }) => label), [
    "a = 4, tail cond",
    "guided 2 to 6",
  ]);
});

Deno.test("planSweep() labels an automatic cutoff by its bounds", () => {
  const { branches } = plan({
    base,
    cutoffs: ["auto", { auto: { tolerance: 0.2, min_steps: 5 } }],
  });
  assert.deepEqual(branches.map(({ label }) => label), [
    "auto 0.5, after 2 to 20",
    "auto 0.2, after 5 to 20",
  ]);
});

function runs(more: object, cutoffs: readonly object[]) {
  const model = planningModel();
  const manifest = { ...model.manifest, samplers: ["ddim", "heun", "pndm"] };
  return cutoffs.map((cutoff) => {
    const request = parseGenerationRequest({ ...base, num_inference_steps: 50, ...more, cutoff });
    assert(request.ok);
    const planned = planGeneration({ ...request.value, seed: 7 }, { ...model, manifest });
    assert(planned.ok);
    return planned.value;
  });
}

const ROW = [0, 5, 10, 15, 20, 25].map((a) => ({ a }));

Deno.test("rowsTogether() of the paper's row at T = 50 is 170, where apart it is 525", () => {
  const six = runs({}, ROW);
  assert.equal(six.reduce((sum, { evaluations }) => sum + evaluations.planned, 0), 525);
  assert.equal(rowsTogether(six), 170);
  // With a negative prompt, guidance has no row of the empty prompt for a tail to share.
  assert.equal(rowsTogether(runs({ negative_prompt: "a chair" }, ROW)), 175);
});

Deno.test("rowsTogether() shares no more than the latents and no less", () => {
  assert.equal(rowsTogether(runs({}, [{ a: 0 }, { a: 0 }])), 100);
  assert.equal(rowsTogether(runs({}, [{ a: 25 }])), 75);
  // Three tails need two texts in the step where they leave, and three in each later step.
  const tails = ["null", "cond", "delta"].map((tail) => ({ a: 10, tail }));
  assert.equal(rowsTogether(runs({}, tails)), 80 + 2 + 3 * 9);
  // Heun's second call in the step where the tail begins already has other latents.
  const heun = rowsTogether(runs({ sampler: "heun" }, [{ a: 0 }, { a: 2 }]));
  assert.equal(heun, 2 * 99 + 1 + 1);
  // The run may decide after 5 of 50 steps; from then on its rows may be its own.
  assert.equal(rowsTogether(runs({}, [{ a: 0 }, { auto: { min_steps: 5 } }])), 100 + 2 * 44);
  // At w = 1 a guided step has the prompt's row alone, which is the cond tail's.
  assert.equal(rowsTogether(runs({ guidance_scale: 1 }, [{ a: 0 }, { a: 5, tail: "cond" }])), 50);
});
