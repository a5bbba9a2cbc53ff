/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EOS_SCOPES,
  LIMITS,
  parseGenerationRequest,
  parseOwnedRequest,
  STATE_REPLACEMENTS,
  TAILS,
} from "../mod.ts";

Deno.test("parseGenerationRequest() fills the defaults that hold for every model", () => {
  assert.deepEqual(parseGenerationRequest({ prompt: "a blue bird" }), {
    ok: true,
    value: {
      model: "mini",
      prompt: "a blue bird",
      negative_prompt: "",
      semantic_repeats: 1,
      previews: { every: 5, method: "projection" },
      insights: [],
      insight_options: { low_fraction: 0.2, convergence_level: 0.9 },
      output_format: "png",
    },
  });
});

Deno.test("parseGenerationRequest() keeps zero where zero is allowed", () => {
  const parsed = parseGenerationRequest({ prompt: "x", seed: 0, cutoff: { guided_steps: 0 } });
  assert(parsed.ok);
  assert.equal(parsed.value.seed, 0);
  assert.deepEqual(parsed.value.cutoff, {
    guided_steps: 0,
    guided_from: 0,
    head: "null",
    tail: "null",
  });
});

// [field, a request that is wrong in that field only]
const REFUSED: readonly [field: string, request: unknown][] = [
  ["", "a blue bird"],
  ["", null],
  ["", [{ prompt: "x" }]],
  ["prompt", {}],
  ["prompt", { prompt: "" }],
  ["prompt", { prompt: " \u00a0 " }],
  ["prompt", { prompt: 7 }],
  ["prompt", { prompt: "a\u0007b" }],
  ["prompt", { prompt: "a\u0000b" }],
  ["prompt", { prompt: "a\ud800b" }],
  ["prompt", { prompt: "x".repeat(LIMITS.promptLength + 1) }],
  ["promt", { prompt: "x", promt: "y" }],
  ["model", { prompt: "x", model: "../etc" }],
  ["model", { prompt: "x", model: null }],
  ["seed", { prompt: "x", seed: -1 }],
  ["seed", { prompt: "x", seed: 2 ** 32 }],
  ["seed", { prompt: "x", seed: 1.5 }],
  ["seed", { prompt: "x", seed: null }],
  ["private", { prompt: "x", private: "yes" }],
  ["owner", { prompt: "x", private: true, owner: "key_0123456789abcdef" }],
  ["width", { prompt: "x", width: 0 }],
  ["height", { prompt: "x", height: "64" }],
  ["num_inference_steps", { prompt: "x", num_inference_steps: 0 }],
  ["num_inference_steps", { prompt: "x", num_inference_steps: 201 }],
  ["guidance_scale", { prompt: "x", guidance_scale: 0.5 }],
  ["guidance_scale", { prompt: "x", guidance_scale: 31 }],
  ["guidance_scale", { prompt: "x", guidance_scale: NaN }],
  ["insights", { prompt: "x", insights: "attention" }],
  ["insights.1", { prompt: "x", insights: ["guidance", "atention"] }],
  ["insight_options.low_fraction", { prompt: "x", insight_options: { low_fraction: 0 } }],
  ["insight_options.low_fraction", { prompt: "x", insight_options: { low_fraction: 1 } }],
  ["insight_options.convergence_level", { prompt: "x", insight_options: { convergence_level: 2 } }],
  ["insight_options.level", { prompt: "x", insight_options: { level: 0.5 } }],
  ["cutoff", { prompt: "x", cutoff: {} }],
  ["cutoff", { prompt: "x", cutoff: { a: 1, guided_steps: 1 } }],
  ["cutoff", { prompt: "x", cutoff: 0.5 }],
  ["cutoff", { prompt: "x", cutoff: "automatic" }],
  ["cutoff", { prompt: "x", cutoff: { a: 1, auto: {} } }],
  ["cutoff.auto", { prompt: "x", cutoff: { auto: true } }],
  ["cutoff.auto.tolerance", { prompt: "x", cutoff: { auto: { tolerance: -1 } } }],
  ["cutoff.auto.min_steps", { prompt: "x", cutoff: { auto: { min_steps: 0 } } }],
  ["cutoff.auto.steps", { prompt: "x", cutoff: { auto: { steps: 3 } } }],
  ["cutoff.guided_fraction", { prompt: "x", cutoff: { guided_fraction: 1.1 } }],
  ["cutoff.tail", { prompt: "x", cutoff: { a: 1, tail: "none" } }],
  ["cutoff.b", { prompt: "x", cutoff: { a: 1, b: 2 } }],
  ["eos_swap", { prompt: "x", eos_swap: "y" }],
  ["eos_swap.prompt", { prompt: "x", eos_swap: {} }],
  ["eos_swap.from", { prompt: "x", eos_swap: { prompt: "y", from: -1 } }],
  ["cutoff", { prompt: "x", cutoff: { guided_from: 3 } }],
  ["cutoff.guided_from", { prompt: "x", cutoff: { a: 1, guided_from: -1 } }],
  ["cutoff.head", { prompt: "x", cutoff: { a: 1, head: "delta" } }],
  ["eos_swap.scope", { prompt: "x", eos_swap: { prompt: "y", scope: "last" } }],
  ["eos_swap.align", { prompt: "x", eos_swap: { prompt: "y", align: "left" } }],
  ["token_states", { prompt: "x", token_states: "zeros" }],
  ["token_states.sos", { prompt: "x", token_states: { sos: "sos" } }],
  ["token_states.semantic", { prompt: "x", token_states: { semantic: "drop" } }],
  ["token_states.eos", { prompt: "x", token_states: { eos: 0 } }],
  ["token_states.padding", { prompt: "x", token_states: { padding: "zeros" } }],
  ["semantic_repeats", { prompt: "x", semantic_repeats: 0 }],
  ["semantic_repeats", { prompt: "x", semantic_repeats: 101 }],
  ["previews.method", { prompt: "x", previews: { method: "taesd" } }],
  ["output_format", { prompt: "x", output_format: "jpeg" }],
];

for (const [field, request] of REFUSED) {
  Deno.test(`parseGenerationRequest() names ${field || "the body"} in ${JSON.stringify(request)?.slice(0, 60)}`, () => {
    const parsed = parseGenerationRequest(request);
    assert(!parsed.ok);
    assert.equal(parsed.problem.status, 400);
    assert.deepEqual(parsed.problem.errors?.map((issue) => issue.field), [field]);
    const [issue] = parsed.problem.errors ?? [];
    assert(issue && issue.allowed.length > 0 && issue.given.length > 0);
    assert(parsed.problem.detail.includes(field || "body"));
  });
}

Deno.test("parseGenerationRequest() says of an array that it is one, wherever an object belongs", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [[], "body must be a JSON object with at least a prompt, given []"],
    [
      [{ prompt: "x" }],
      'body must be a JSON object with at least a prompt, given [{"prompt":"x"}]',
    ],
    [7, "body must be a JSON object with at least a prompt, given 7"],
    ["[]", 'body must be a JSON object with at least a prompt, given "[]"'],
    [{ prompt: "x", previews: [] }, "previews must be an object with every and method, given []"],
    [
      { prompt: "x", insight_options: [] },
      "insight_options must be an object with low_fraction and convergence_level, given []",
    ],
    [
      { prompt: "x", token_states: ["zeros"], seed: -1 },
      "token_states must be an object with what replaces the states of sos, semantic and eos, " +
      'given ["zeros"]; seed must be an integer from 0 to 4294967295, given -1',
    ],
    [
      { prompt: "x", cutoff: { auto: [] } },
      "cutoff.auto must be an object with optionally tolerance, min_steps and max_steps, given []",
    ],
  ];
  for (const [input, detail] of cases) {
    const parsed = parseGenerationRequest(input);
    assert(!parsed.ok, detail);
    assert.equal(parsed.problem.detail, detail);
  }
  // Lists stay lists.
  assert(parseGenerationRequest({ prompt: "x", insights: [] }).ok);
  assert(parseGenerationRequest({ prompt: "x", insights: ["guidance"] }).ok);
});

Deno.test("parseGenerationRequest() reports every wrong field at once", () => {
  const parsed = parseGenerationRequest({ prompt: "", seed: "x", colour: 1 });
  assert(!parsed.ok);
  assert.deepEqual(parsed.problem.errors?.map(({ field }) => field), ["prompt", "seed", "colour"]);
});

Deno.test("parseGenerationRequest() says what was wrong, what is allowed, what was given", () => {
  const parsed = parseGenerationRequest({ prompt: "x", guidance_scale: 99 });
  assert(!parsed.ok);
  assert.equal(
    parsed.problem.detail,
    "guidance_scale must be a number from 1 to 30, given 99",
  );
});

Deno.test("parseGenerationRequest() names every choice there is", () => {
  const parsed = parseGenerationRequest({ prompt: "x", token_states: { eos: "drop" } });
  assert(!parsed.ok);
  assert.equal(
    parsed.problem.detail,
    'token_states.eos must be "zeros", "noise", "sos" or "eos", given "drop"',
  );
});

Deno.test("parseGenerationRequest() never echoes a long prompt", () => {
  const parsed = parseGenerationRequest({ prompt: `${"secret ".repeat(100)}\u0007` });
  assert(!parsed.ok);
  assert(JSON.stringify(parsed.problem).length < 1_000);
});

Deno.test("parseGenerationRequest() answers any JSON without throwing", () => {
  fc.assert(fc.property(fc.jsonValue(), (json) => {
    const parsed = parseGenerationRequest(json);
    if (!parsed.ok) assert(parsed.problem.detail.length > 0);
  }));
});

Deno.test("parseGenerationRequest() is idempotent on what it accepts", () => {
  const request = fc.record({
    prompt: fc.constantFrom("a blue bird", "x"),
    seed: fc.integer({ min: 0, max: LIMITS.seedMax }),
    cutoff: fc.record({
      a: fc.integer({ min: 0, max: 200 }),
      guided_from: fc.nat(200),
      tail: fc.constantFrom(...TAILS),
    }, { requiredKeys: ["a"] }),
    eos_swap: fc.record({
      prompt: fc.constantFrom("", "a chair"),
      to: fc.nat(200),
      scope: fc.constantFrom(...EOS_SCOPES),
    }, { requiredKeys: ["prompt"] }),
    token_states: fc.record(
      { eos: fc.constantFrom(...STATE_REPLACEMENTS) },
      { requiredKeys: [] },
    ),
  }, { requiredKeys: ["prompt"] });
  fc.assert(fc.property(request, (input) => {
    const once = parseGenerationRequest(input);
    assert(once.ok);
    assert.deepEqual(parseGenerationRequest(once.value), once);
  }));
});

Deno.test("parseOwnedRequest() takes an owner of a private request, and of no other", () => {
  const owner = "key_0123456789abcdef";
  const parsed = parseOwnedRequest({ prompt: "x", private: true, owner });
  assert(parsed.ok);
  assert.equal(parsed.value.owner, owner);
  assert(parseOwnedRequest({ prompt: "x" }).ok);
  for (const wrong of [{ owner }, { private: true, owner: "me" }, { private: true, owner: null }]) {
    const refused = parseOwnedRequest({ prompt: "x", ...wrong });
    assert(!refused.ok);
    assert.deepEqual(refused.problem.errors?.map(({ field }) => field), ["owner"]);
  }
});
