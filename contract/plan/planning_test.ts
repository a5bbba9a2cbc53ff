/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import { planningModel } from "../fixtures/planning_model.ts";
import {
  AUTO_CUTOFF_DEFAULTS,
  EOS_ALIGNMENTS,
  EOS_SCOPES,
  type GenerationRequestInput,
  HEADS,
  parseGenerationRequest,
  type Plan,
  planGeneration,
  SOS_REPLACEMENTS,
  STATE_REPLACEMENTS,
  TAILS,
} from "../mod.ts";

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
  const expected = {
    guided_from: 0,
    guided_steps: 15,
    guided_fraction: 0.75,
    a: 5,
    head: "null",
    tail: "null",
    auto: null,
  };
  assert.deepEqual(planned({ cutoff: { guided_steps: 15 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { guided_fraction: 0.75 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { a: 5 } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { a: 5 } }).evaluations, {
    planned: 35,
    full: 40,
    saved: 0.125,
  });
});

Deno.test("planGeneration() reports one guidance interval in three spellings", () => {
  const expected = {
    guided_from: 4,
    guided_steps: 10,
    guided_fraction: 0.5,
    a: 6,
    head: "cond",
    tail: "delta",
    auto: null,
  };
  const rest = { guided_from: 4, head: "cond", tail: "delta" } as const;
  assert.deepEqual(planned({ cutoff: { guided_steps: 10, ...rest } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { guided_fraction: 0.5, ...rest } }).cutoff, expected);
  assert.deepEqual(planned({ cutoff: { a: 6, ...rest } }).cutoff, expected);
});

Deno.test("planGeneration() gives an automatic cutoff its bounds, and plans for the most", () => {
  const { tolerance } = AUTO_CUTOFF_DEFAULTS;
  const short = planned({ cutoff: "auto" });
  const expected = {
    guided_from: 0,
    guided_steps: 20,
    guided_fraction: 1,
    a: 0,
    head: "null",
    tail: "null",
    auto: { tolerance, min_steps: 2 },
  };
  assert.deepEqual(short.cutoff, expected);
  assert.equal(short.evaluations.planned, 40);
  assert.equal(planned({ cutoff: { auto: { tolerance, max_steps: 20 } } }).id, short.id);
  const bounded = planned({
    cutoff: { guided_from: 4, tail: "cond", auto: { tolerance: 2, min_steps: 3, max_steps: 9 } },
  });
  assert.deepEqual([bounded.cutoff.guided_steps, bounded.cutoff.a, bounded.cutoff.auto], [9, 7, {
    tolerance: 2,
    min_steps: 3,
  }]);
  assert.equal(bounded.evaluations.planned, 29);
  const auto = { min_steps: 9, max_steps: 9 };
  assert.equal(planned({ cutoff: { auto } }).id, planned({ cutoff: { guided_steps: 9 } }).id);
});

Deno.test("planGeneration() says which states are replaced, and by what", () => {
  const { tokens, token_states } = planned({
    prompt: "a bird",
    token_states: { semantic: "noise", eos: "eos" },
  });
  assert.deepEqual(token_states, { sos: null, semantic: "noise", eos: "eos" });
  assert.deepEqual(tokens.prompt.map(({ state }) => state), [
    ...["own", "noise", "noise", "own"],
    ...["eos", "eos", "eos", "eos"],
  ]);
});

Deno.test("planGeneration() tells [EOS] from padding where that is another token, and swaps by class", () => {
  const model = planningModel({ pad_token_id: 2 });
  const swap = { prompt: "a brown chair", scope: "padding" } as const;
  const { tokens } = planned({ prompt: "a bird", eos_swap: swap }, model);
  assert.deepEqual(tokens.prompt.slice(2).map((t) => [t.id, t.class, t.swap_source]), [
    [5, "semantic", null],
    [1, "eos", null],
    [2, "padding", 5],
    [2, "padding", 6],
    [2, "padding", 7],
    [2, "padding", 7],
  ]);
});

Deno.test("planGeneration() repeats the words up to the last [EOS], the second prompt's as they are", () => {
  const words = (semantic_repeats: number) => {
    const { tokens } = planned({ prompt: "a bird", semantic_repeats, eos_swap: { prompt: "a" } });
    assert.equal(tokens.eos_swap?.[2]?.class, "eos");
    return tokens.prompt.map(({ token }) =>
      token.replace("<|end|>", "E").replace("<|start|>", "S")
    );
  };
  assert.deepEqual(words(1), ["S", "a", "bird", "E", "E", "E", "E", "E"]);
  assert.deepEqual(words(2), ["S", "a", "bird", "a", "bird", "E", "E", "E"]);
  assert.deepEqual(words(3), ["S", "a", "bird", "a", "bird", "a", "bird", "E"]);
  assert.deepEqual(words(100), words(3));
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
  ["a guidance interval from step 0 and a cutoff", { cutoff: { a: 5, guided_from: 0 } }, {
    cutoff: { a: 5 },
  }],
  ["heads and tails of no steps", { cutoff: { a: 0, head: "cond", tail: "delta" } }, {}],
  ["an interval of no steps and no guidance", { cutoff: { guided_steps: 0, guided_from: 7 } }, {
    cutoff: { guided_steps: 0 },
  }],
  ["guidance 1 before and behind an interval of it", {
    guidance_scale: 1,
    cutoff: { a: 5, guided_from: 3, head: "cond", tail: "cond" },
  }, { guidance_scale: 1 }],
  ["a swap with the prompt itself", {
    eos_swap: { prompt: "A blue bird!", to: 9, scope: "first", align: "absolute" },
  }, {}],
  ["alignments of prompts of one length", { eos_swap: { prompt: "a brown chair" } }, {
    eos_swap: { prompt: "a brown chair", align: "absolute" },
  }],
  ["a swap of padding that the prompt does not have", {
    prompt: "a blue bird a brown chair",
    eos_swap: { prompt: "a", scope: "padding" },
  }, { prompt: "a blue bird a brown chair" }],
  ["a swap whose states are all replaced", {
    eos_swap: { prompt: "a chair" },
    token_states: { eos: "zeros" },
  }, { token_states: { eos: "zeros" } }],
  ["states that replace nothing", { token_states: {} }, {}],
  ["replacements that no step sees", {
    cutoff: { guided_steps: 0 },
    token_states: { semantic: "zeros" },
  }, { cutoff: { guided_steps: 0 } }],
  ["words repeated and words typed again", { prompt: "a bird", semantic_repeats: 2 }, {
    prompt: "a bird a bird",
  }],
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
  ["automatic cutoff", { cutoff: "auto" }],
  ["its tolerance", { cutoff: { auto: { tolerance: 0.9 } } }],
  ["its least", { cutoff: { auto: { min_steps: 4 } } }],
  ["its tail", { cutoff: { auto: {}, tail: "cond" } }],
  ["swap", { eos_swap: { prompt: "a chair" } }],
  ["head", { cutoff: { a: 0, guided_from: 2, head: "cond" } }],
  ["start of guidance", { cutoff: { a: 0, guided_from: 2 } }],
  ["delta tail", { cutoff: { a: 1, tail: "delta" } }],
  ["swap's scope", { eos_swap: { prompt: "a chair", scope: "first" } }],
  ["swap's alignment", { eos_swap: { prompt: "a chair", align: "absolute" } }],
  ["zeros", { token_states: { semantic: "zeros" } }],
  ["noise", { token_states: { semantic: "noise" } }],
  ["class", { token_states: { eos: "noise" } }],
  ["[SOS] alone", { token_states: { semantic: "sos", eos: "sos" } }],
  ["repeats", { semantic_repeats: 2 }],
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
  // If this fails, raise ENGINE_VERSION, or accept that cached results are lost; then record it.
  assert.equal(planned({}).id, "1a3db66abe66e0451b51c969aa36b3661f1f88968f38247ca15bc36b6e5ce1dc");
});

Deno.test("The content key of a fixed [EOS] swap never changes by accident", () => {
  const { id } = planned({
    cutoff: { a: 5, tail: "cond" },
    eos_swap: { prompt: "a chair", to: 9 },
  });
  assert.equal(id, "67e045ae437f8d6b6944f97114eb9712e12688fa778243c4538ee8d5e4d59637");
});

Deno.test("A private result has a key of its own for each owner", () => {
  const request = parseGenerationRequest({ prompt: "a blue bird", private: true });
  assert(request.ok);
  const keyOf = (owner?: string) => {
    const owned = owner === undefined ? {} : { owner };
    const result = planGeneration({ ...request.value, seed: 7, ...owned }, planningModel());
    return result.ok ? result.value.id : "";
  };
  const keys = [undefined, "key_0123456789abcdef", "key_fedcba9876543210"].map(keyOf);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[0], planned({}).id);
});

/** What each step does, straight from the request. A state is named by the ids that it has seen. */
function effects(input: Parameters<typeof plan>[0]): string[] {
  const { cutoff, eos_swap, token_states: states } = input;
  const { tokenizer } = planningModel();
  const [a, b] = ["a bird", eos_swap?.prompt ?? ""].map((text) => tokenizer.tokenize(text));
  const stateOf = ({ ids } = a!, position = 0) => `${ids.slice(0, position + 1)}`;
  const [endA, endB] = [a, b].map((prompt) => prompt!.ids.indexOf(1));
  const encoded = (position: number, step: number) => {
    const { from = 0, to = STEPS, scope = "all", align = "ordinal" } = eos_swap ?? {};
    const scopes = position < endA!
      ? []
      : position === endA
      ? ["all", "first"]
      : ["all", "padding"];
    if (!eos_swap || step < from || step >= to || !scopes.includes(scope)) {
      return stateOf(a, position);
    }
    const ordinal = Math.min(endB! + position - endA!, 7);
    return stateOf(b, align === "ordinal" ? ordinal : position < endB! ? endB : position);
  };
  const conditional = (step: number) =>
    Array.from({ length: 8 }, (_, position) => {
      const kind = position === 0 ? "sos" : position < endA! ? "semantic" : "eos";
      const replaced = states?.[kind];
      if (replaced === "zeros" || replaced === "noise") return replaced;
      if (replaced === "sos") return encoded(0, step);
      return encoded(replaced === "eos" ? endA! : position, step);
    }).join(" | ");
  assert(cutoff !== "auto");
  const { guided_steps = STEPS, guided_from = 0, head = "null", tail = "null" } = cutoff ?? {};
  return Array.from({ length: STEPS }, (_, step) => {
    const outside = step < guided_from ? head : step < guided_from + guided_steps ? null : tail;
    if (outside === "null" || outside === "delta") return outside;
    return `${outside ?? "guided"} ${conditional(step)}`;
  });
}

const STEPS = 3;
const place = fc.nat(STEPS);
const replacement = fc.constantFrom(...STATE_REPLACEMENTS);
const controls = fc.record({
  cutoff: fc.tuple(place, place).chain(([x, y]) =>
    fc.record({
      guided_from: fc.constant(Math.min(x, y)),
      guided_steps: fc.constant(Math.abs(x - y)),
      head: fc.constantFrom(...HEADS),
      tail: fc.constantFrom(...(x === y ? HEADS : TAILS)),
    })
  ),
  eos_swap: fc.tuple(place, place).chain(([x, y]) =>
    fc.record({
      prompt: fc.constantFrom("", "a bird", "a chair", "a blue bird", "a blue bird a brown chair"),
      from: fc.constant(Math.min(x, y)),
      to: fc.constant(Math.max(x, y)),
      scope: fc.constantFrom(...EOS_SCOPES),
      align: fc.constantFrom(...EOS_ALIGNMENTS),
    })
  ),
  token_states: fc.record({
    sos: fc.constantFrom(...SOS_REPLACEMENTS),
    semantic: replacement,
    eos: replacement,
  }, { requiredKeys: [] }),
}, { requiredKeys: [] });

Deno.test("Content keys are equal exactly where every step does the same", () => {
  const keyOf = (input: Parameters<typeof plan>[0]) =>
    planned({ prompt: "a bird", num_inference_steps: STEPS, ...input }).id;
  const keys = new Map<string, string>();
  const known = new Map<string, string>();
  fc.assert(
    fc.property(controls, (input) => {
      const [key, effect] = [keyOf(input), effects(input).join("; ")];
      assert.equal(known.get(key) ?? effect, effect);
      assert.equal(keys.get(effect) ?? key, key);
      known.set(key, effect);
      keys.set(effect, key);
    }),
    { numRuns: 3_000, seed: 1 },
  );
  assert.ok(keys.size > 500 && keys.size < 2_500, `${keys.size} of 3000 are different`);
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
    { cutoff: { auto: { max_steps: 18 }, guided_from: 3 } },
    /^cutoff\.auto\.max_steps must be from 1 to the 17 steps, given 18$/,
  ],
  [
    { cutoff: { auto: { min_steps: 6, max_steps: 5 } } },
    /^cutoff\.auto\.min_steps must be from 1 to the 5 steps that may be guided, given 6$/,
  ],
  [{ cutoff: "auto", guidance_scale: 1 }, /^cutoff\.auto must be absent at guidance_scale 1/],
  [
    { cutoff: { a: 0, guided_from: 21 } },
    /^cutoff\.guided_from must be from 0 to the 20 steps, given 21$/,
  ],
  [
    { cutoff: { guided_steps: 16, guided_from: 5 } },
    /^cutoff\.guided_steps must be from 0 to the 15 steps from step 5 on, given 16$/,
  ],
  [
    { cutoff: { a: 16, guided_from: 5 } },
    /^cutoff\.a must be from 0 to the 15 steps from step 5 on, given 16$/,
  ],
  [
    { cutoff: { guided_fraction: 0.8, guided_from: 5 } },
    /^cutoff\.guided_fraction must be from 0 to 0\.75, the share of the steps from step 5 on, given 0\.8$/,
  ],
  [
    { cutoff: { guided_steps: 0, tail: "delta" } },
    /^cutoff\.tail must be "null" or "cond" where no step is guided, given "delta"$/,
  ],
  [
    { guidance_scale: 1, cutoff: { a: 5, tail: "delta" } },
    /^cutoff\.tail must be "null" or "cond" at guidance_scale 1, which takes no difference, given "delta"$/,
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

Deno.test("planGeneration() refuses [SOS] states where there is no [SOS]", () => {
  const model = planningModel({ bos_token_id: null });
  const none = "for model fixture, whose text encoder has no [SOS]";
  assert.equal(
    refusal({ token_states: { sos: "zeros" } }, model),
    `token_states.sos must be absent ${none}, given "zeros"`,
  );
  assert.equal(
    refusal({ token_states: { eos: "sos" } }, model),
    `token_states.eos must be other than "sos" ${none}, given "sos"`,
  );
  assert.ok(plan({ token_states: { semantic: "zeros" } }, model).ok);
});

Deno.test("planGeneration() takes a prompt of exactly the limit and swaps its single [EOS]", () => {
  const { tokens } = planned({ prompt: "a blue bird a brown chair", eos_swap: { prompt: "" } });
  assert.equal(tokens.prompt.at(-1)?.class, "eos");
  assert.equal(tokens.prompt.at(-1)?.swap_source, 1);
});

Deno.test("the model's own timestep spacing, asked for by name, changes nothing; another is another key", () => {
  const spaced = (timestep_spacing?: "leading" | "linspace" | "trailing") => {
    const parsed = parseGenerationRequest({
      model: "fixture",
      prompt: "a bird",
      ...(timestep_spacing ? { timestep_spacing } : {}),
    });
    assert.ok(parsed.ok);
    const planned = planGeneration({ ...parsed.value, seed: 1 }, planningModel());
    assert.ok(planned.ok);
    return planned.value;
  };
  assert.deepEqual(spaced("leading"), spaced());
  assert.equal(spaced().timestep_spacing, null);
  assert.equal(spaced("trailing").timestep_spacing, "trailing");
  const keys = [spaced(), spaced("trailing"), spaced("linspace")].map(({ id }) => id);
  assert.equal(new Set(keys).size, 3);
});

Deno.test("a flow's steps are not spaced by a request", () => {
  const manifest = { ...planningModel().manifest, samplers: ["flow_euler"] };
  const parsed = parseGenerationRequest({
    ...{ model: "fixture", prompt: "a bird", sampler: "flow_euler" },
    timestep_spacing: "trailing",
  });
  assert.ok(parsed.ok);
  const planned = planGeneration({ ...parsed.value, seed: 1 }, { ...planningModel(), manifest });
  assert.match(
    planned.ok ? "" : planned.problem.detail,
    /^timestep_spacing must be absent for sampler/,
  );
});
