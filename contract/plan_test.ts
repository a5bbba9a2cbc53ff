/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { planningModel } from "./fixtures/planning_model.ts";
import {
  type GenerationRequestInput,
  parseGenerationRequest,
  type Plan,
  planGeneration,
} from "./mod.ts";

function plan(
  input: Omit<GenerationRequestInput, "prompt"> & { prompt?: string },
  model = planningModel(),
) {
  const parsed = parseGenerationRequest({ prompt: "a blue bird", seed: 7, ...input });
  assert(parsed.ok, parsed.ok ? "" : parsed.problem.detail);
  return planGeneration({ ...parsed.value, seed: parsed.value.seed ?? 7 }, model);
}

function planned(input: Parameters<typeof plan>[0], model = planningModel()): Plan {
  const result = plan(input, model);
  assert(result.ok, result.ok ? "" : result.problem.detail);
  return result.value;
}

function refusal(input: Parameters<typeof plan>[0], model = planningModel()): string {
  const result = plan(input, model);
  assert(!result.ok);
  assert.equal(result.problem.status, 422);
  return result.problem.detail;
}

Deno.test("planGeneration() fills the model's defaults", () => {
  const { width, height, num_inference_steps, guidance_scale, sampler } = planned({});
  assert.deepEqual([width, height, num_inference_steps, guidance_scale, sampler], [
    48,
    32,
    20,
    7.5,
    "ddim",
  ]);
});

Deno.test("planGeneration() reports one cutoff in three spellings", () => {
  const expected = { guided_steps: 15, guided_fraction: 0.75, a: 5, tail: "null" };
  assert.deepEqual(planned({ cutoff: { guided_steps: 15 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { guided_fraction: 0.75 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { a: 5 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { a: 5 } }).evaluations, {
    planned: 35,
    full: 40,
    saved: 0.125,
  });
});

Deno.test("planGeneration() shows previews after every n-th step but not after the last", () => {
  assert.deepEqual(planned({ previews: { every: 5 } }).previews.steps, [4, 9, 14]);
  assert.deepEqual(planned({ previews: { every: 7 } }).previews.steps, [6, 13]);
  assert.deepEqual(planned({ previews: { every: 0 } }).previews.steps, []);
  assert.deepEqual(planned({ previews: { every: 30 } }).previews.steps, []);
});

Deno.test("planGeneration() classifies tokens and maps [EOS] by order, not by place", () => {
  const { tokens } = planned({ prompt: "a bird", eos_swap: { prompt: "a brown wooden chair" } });
  assert.deepEqual(tokens.prompt.map((token) => [token.token, token.class, token.swap_source]), [
    ["<|start|>", "sos", null],
    ["a", "semantic", null],
    ["bird", "semantic", null],
    ["<|end|>", "eos", 5],
    ["<|end|>", "padding", 6],
    ["<|end|>", "padding", 7],
    ["<|end|>", "padding", 7],
    ["<|end|>", "padding", 7],
  ]);
});

Deno.test("planGeneration() marks words that the vocabulary lacks", () => {
  const { tokens } = planned({ prompt: "a green bird" });
  assert.deepEqual(tokens.prompt.filter(({ unknown }) => unknown).map((t) => t.position), [2]);
});

const SAME_KEY: readonly [string, Parameters<typeof plan>[0], Parameters<typeof plan>[0]][] = [
  ["no cutoff and a cutoff after the last step", {}, { cutoff: { guided_steps: 20 } }],
  ["three spellings of a cutoff", { cutoff: { a: 5 } }, { cutoff: { guided_fraction: 0.75 } }],
  ["defaults left out and spelled out", {}, { width: 48, height: 32, guidance_scale: 7.5 }],
  ["previews, which do not change the image", {}, { previews: { every: 1, method: "vae" } }],
  ["spellings with equal tokens", { prompt: "A  Blue bird!" }, {}],
  ["an empty swap window and no swap", { eos_swap: { prompt: "a chair", from: 4, to: 4 } }, {}],
  [
    "a swap that reaches into the text-free tail and one that ends with the text",
    { cutoff: { a: 10 }, eos_swap: { prompt: "a chair" } },
    { cutoff: { a: 10 }, eos_swap: { prompt: "a chair", to: 10 } },
  ],
  ["negative prompts without guidance", { guidance_scale: 1, negative_prompt: "brown" }, {
    guidance_scale: 1,
  }],
];

for (const [name, a, b] of SAME_KEY) {
  Deno.test(`Content keys are equal for ${name}`, () => {
    assert.equal(planned(a).id, planned(b).id);
  });
}

const OTHER_KEY: readonly [string, Parameters<typeof plan>[0]][] = [
  ["prompt", { prompt: "a brown bird" }],
  ["negative prompt", { negative_prompt: "chair" }],
  ["seed", { seed: 8 }],
  ["width", { width: 32 }],
  ["height", { height: 48 }],
  ["steps", { num_inference_steps: 21 }],
  ["guidance", { guidance_scale: 7 }],
  ["cutoff", { cutoff: { a: 1 } }],
  ["tail", { cutoff: { a: 1, tail: "cond" } }],
  ["swap", { eos_swap: { prompt: "a chair" } }],
  ["format", { output_format: "webp" }],
];

Deno.test("Content keys differ in everything that can change the image", () => {
  const keys = [{}, ...OTHER_KEY.map(([, input]) => input)].map((input) => planned(input).id);
  assert.equal(new Set(keys).size, keys.length);
  const other = {
    ...planningModel(),
    manifest: { ...planningModel().manifest, digest: "0".repeat(64) },
  };
  assert.notEqual(planned({}, other).id, keys[0]);
});

Deno.test("The content key of a fixed request never changes by accident", () => {
  // If this fails, ENGINE_VERSION has to rise or cached results are lost: decide, then record.
  assert.equal(planned({}).id, "1a3db66abe66e0451b51c969aa36b3661f1f88968f38247ca15bc36b6e5ce1dc");
});

const REFUSED: readonly [Parameters<typeof plan>[0], RegExp][] = [
  [{ width: 40 }, /^width must be a multiple of 16 from 16 to 64 for this model, given 40$/],
  [{ height: 80 }, /^height must be a multiple of 16 from 16 to 64/],
  [{ sampler: "euler" }, /^sampler must be one of ddim, given "euler"$/],
  [{ cutoff: { a: 21 } }, /^cutoff\.a must be from 0 to the 20 steps, given 21$/],
  [
    { cutoff: { guided_steps: 21 } },
    /^cutoff\.guided_steps must be from 0 to the 20 steps, given 21$/,
  ],
  [
    { eos_swap: { prompt: "a", to: 21 } },
    /^eos_swap\.to must be from 0 to the 20 steps, given 21$/,
  ],
  [
    { eos_swap: { prompt: "a", from: 9, to: 3 } },
    /^eos_swap\.from must be from 0 to eos_swap\.to \(3\)/,
  ],
  [
    { prompt: "a blue bird a brown chair bird" },
    /^prompt must be at most 8 tokens long, start and end token included, given 9 tokens$/,
  ],
  [{ negative_prompt: "a a a a a a a" }, /^negative_prompt must be at most 8 tokens/],
  [{ eos_swap: { prompt: "a a a a a a a" } }, /^eos_swap\.prompt must be at most 8 tokens/],
  [{ prompt: "a <|end|> bird" }, /^prompt must be free of the special token, given "<\|end\|>"$/],
];

for (const [input, expected] of REFUSED) {
  Deno.test(`planGeneration() refuses ${JSON.stringify(input)}`, () => {
    assert.match(refusal(input), expected);
  });
}

Deno.test("planGeneration() refuses an [EOS] swap where [EOS] is not causal", () => {
  const model = planningModel({ causal: false });
  assert.match(refusal({ eos_swap: { prompt: "a chair" } }, model), /no causal \[EOS\]/);
});

Deno.test("planGeneration() takes a prompt of exactly the limit and swaps its single [EOS]", () => {
  const { tokens } = planned({ prompt: "a blue bird a brown chair", eos_swap: { prompt: "" } });
  assert.equal(tokens.prompt.at(-1)?.class, "eos");
  assert.equal(tokens.prompt.at(-1)?.swap_source, 1);
});
