/** The engine on the embedded model: what the paper's two controls promise, down to the bytes. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GenerationEvent,
  type GenerationRequestInput,
  parseGenerationRequest,
  type Plan,
} from "../../contract/mod.ts";
import type { Engine } from "../jobs/engine.ts";
import { createEngine } from "./onnx_engine.ts";

const modelsDir = join(import.meta.dirname!, "../models");
const never = () => new AbortController().signal;

function planOf(engine: Engine, input: GenerationRequestInput): Plan {
  const request = parseGenerationRequest({ seed: 7, num_inference_steps: 6, ...input });
  assert.ok(request.ok);
  const plan = engine.plan(request.value);
  assert.ok(plan.ok, plan.ok ? "" : plan.problem.detail);
  return plan.value;
}

async function run(engine: Engine, input: GenerationRequestInput): Promise<GenerationEvent[]> {
  return await Array.fromAsync(engine.generate(planOf(engine, input), never()));
}

function sha256Of(events: readonly GenerationEvent[]): string {
  const image = events.find((event) => event.type === "generation.image");
  assert.ok(image?.type === "generation.image");
  return image.sha256;
}

async function withEngine(
  test: (engine: Engine) => Promise<void>,
  options: Omit<Parameters<typeof createEngine>[0], "modelsDir"> = {},
): Promise<void> {
  const engine = await createEngine({ modelsDir, model: "mini", intraOpNumThreads: 1, ...options });
  try {
    await test(engine);
  } finally {
    await engine.close();
  }
}

Deno.test("six cutoffs of one prompt at 20 steps are 65 rows for 210, each image that of its separate run", async () => {
  const requests = [0, 2, 4, 6, 8, 10].map((a) => ({
    prompt: "a blue bird",
    num_inference_steps: 20,
    cutoff: { a },
  }));
  const separate: string[] = [];
  await withEngine(async (engine) => {
    for (const request of requests) separate.push(sha256Of(await run(engine, request)));
    assert.equal(engine.counters.unetRows, 210);
  });
  await withEngine(async (engine) => {
    const runs = await Promise.all(requests.map((request) => run(engine, request)));
    // 40 of the full run and 30 of the tails; where a tail leaves, both need the empty prompt's row.
    assert.equal(engine.counters.unetRows, 40 + 30 - 5);
    assert.deepEqual(runs.map(sha256Of), separate);
    assert.equal(new Set(separate).size, separate.length);
    const spent = runs.map((events) => {
      const completed = events.at(-1);
      assert.ok(completed?.type === "generation.completed");
      const { evaluations } = completed;
      assert.equal(evaluations.spent + evaluations.shared, evaluations.planned);
      return evaluations.spent;
    });
    assert.equal(spent.reduce((sum, rows) => sum + rows), 65);
  }, { rowMemoryBytes: 8_000_000 });
});

Deno.test("50 steps with 25 guided are exactly 75 rows at the U-Net's session", () =>
  withEngine(async (engine) => {
    const events = await run(engine, {
      prompt: "a blue bird",
      num_inference_steps: 50,
      cutoff: { guided_steps: 25 },
    });
    assert.equal(engine.counters.unetRows, 75);
    const completed = events.at(-1);
    assert.ok(completed?.type === "generation.completed");
    assert.deepEqual(completed.evaluations, {
      planned: 75,
      spent: 75,
      shared: 0,
      full: 100,
      saved: 0.25,
    });
    const types = events.map(({ type }) => type);
    assert.equal(types.filter((type) => type === "generation.step").length, 50);
    assert.equal(types.filter((type) => type === "generation.preview").length, 9);
    // The cutoff is reported between the last guided step and the first without guidance.
    const at = types.indexOf("generation.cutoff");
    const before = events.slice(0, at).filter(({ type }) => type === "generation.step");
    assert.equal(before.length, 25);
    assert.deepEqual(types.slice(-2), ["generation.image", "generation.completed"]);
    assert.ok(completed.timings.inference_ms <= completed.timings.total_ms);
  }));

Deno.test("the [EOS] swap: equal prompts and empty window change nothing, [0, T) is the default", () =>
  withEngine(async (engine) => {
    const prompt = "a blue bird";
    const image = async (eos_swap?: GenerationRequestInput["eos_swap"]) =>
      sha256Of(await run(engine, { prompt, ...(eos_swap ? { eos_swap } : {}) }));
    const own = await image();
    assert.equal(await image({ prompt }), own);
    assert.equal(await image({ prompt: "a brown chair", from: 3, to: 3 }), own);
    const full = await image({ prompt: "a brown chair" });
    assert.notEqual(full, own);
    assert.equal(await image({ prompt: "a brown chair", from: 0, to: 6 }), full);
    const half = await image({ prompt: "a brown chair", from: 0, to: 3 });
    assert.ok(half !== own && half !== full);
  }));

Deno.test("every control gives another image, and says so in the events", () =>
  withEngine(async (engine) => {
    const prompt = "a blue bird";
    const swap = { prompt: "a brown wooden chair" };
    const interval = { guided_from: 1, guided_steps: 2 };
    const inputs: readonly Partial<GenerationRequestInput>[] = [
      {},
      { eos_swap: swap },
      { eos_swap: { ...swap, align: "absolute" } },
      { eos_swap: { ...swap, scope: "first" } },
      { eos_swap: { ...swap, scope: "padding" } },
      { token_states: { sos: "zeros" } },
      { token_states: { semantic: "zeros" } },
      { token_states: { eos: "noise" } },
      { token_states: { semantic: "sos", eos: "sos" } },
      { semantic_repeats: 3 },
      { cutoff: interval },
      { cutoff: { ...interval, head: "cond" } },
      { cutoff: { ...interval, tail: "cond" } },
      { cutoff: { ...interval, tail: "delta" } },
    ];
    const images = new Set<string>();
    for (const input of inputs) {
      const before = engine.counters.unetRows;
      const events = await run(engine, { prompt, ...input });
      const plan = planOf(engine, { prompt, ...input });
      assert.equal(engine.counters.unetRows - before, plan.evaluations.planned);
      const cutoffs = events.filter((event) => event.type === "generation.cutoff");
      assert.ok(input.cutoff !== "auto");
      const { tail = "null" } = input.cutoff ?? {};
      assert.deepEqual(
        cutoffs,
        input.cutoff ? [{ type: "generation.cutoff", step: 3, tail }] : [],
      );
      images.add(sha256Of(events));
    }
    assert.equal(images.size, inputs.length);
  }));

Deno.test("the swap of an equal prompt gives the very image, even where its states are put in place", () =>
  withEngine(async (engine) => {
    const prompt = "a blue bird";
    const own = await run(engine, { prompt });
    const settings = [["first", "ordinal"], ["padding", "absolute"], ["all", "absolute"]] as const;
    for (const [scope, align] of settings) {
      const plan = planOf(engine, { prompt, eos_swap: { prompt, from: 1, to: 4, scope, align } });
      const phases = plan.phases.map((phase) => ({ ...phase, eos_swapped: true }));
      const forced = await Array.fromAsync(engine.generate({ ...plan, phases }, never()));
      assert.equal(sha256Of(forced), sha256Of(own));
      assert.equal(plan.id, planOf(engine, { prompt }).id);
    }
  }));

Deno.test("the null tail never sees the negative prompt, nor the prompt", () =>
  withEngine(async (engine) => {
    const image = async (input: GenerationRequestInput) => sha256Of(await run(engine, input));
    const textFree = { cutoff: { guided_steps: 0 } };
    const plain = await image({ prompt: "a blue bird", ...textFree });
    assert.equal(
      await image({ prompt: "a red car", negative_prompt: "a cat", ...textFree }),
      plain,
    );
    const guided = { prompt: "a blue bird", cutoff: { guided_steps: 6 } };
    assert.notEqual(
      await image({ ...guided, negative_prompt: "a red car" }),
      await image(guided),
    );
    const tail = (tail: "null" | "cond") => ({ cutoff: { guided_steps: 3, tail } });
    assert.notEqual(
      await image({ prompt: "a blue bird", ...tail("cond") }),
      await image({ prompt: "a blue bird", ...tail("null") }),
    );
  }));

Deno.test("jobs that run together give the bytes they give alone", () =>
  withEngine(async (engine) => {
    const inputs: GenerationRequestInput[] = [
      { prompt: "a blue bird" },
      { prompt: "a red car", num_inference_steps: 9, cutoff: { guided_steps: 4 } },
      { prompt: "a green frog", seed: 1, previews: { every: 2, method: "vae" } },
    ];
    const alone: string[] = [];
    for (const input of inputs) alone.push(sha256Of(await run(engine, input)));
    const together = await Promise.all(inputs.map((input) => run(engine, input)));
    assert.deepEqual(together.map(sha256Of), alone);
    const last = together[0]?.at(-1);
    assert.ok(last?.type === "generation.completed" && last.determinism === "bitwise");
    const { unetRows, unetRuns } = engine.counters;
    assert.ok(unetRuns < unetRows, `${unetRows} rows in ${unetRuns} runs`);
  }));

Deno.test("batched jobs share runs of the U-Net and say that only the picture is kept", () =>
  withEngine(async (engine) => {
    const inputs = [{ prompt: "a blue bird" }, {
      prompt: "a red car",
      cutoff: { guided_steps: 2 },
    }];
    const results = await Promise.all(inputs.map((input) => run(engine, input)));
    assert.equal(engine.counters.unetRows, 12 + 8);
    assert.ok(engine.counters.unetRuns < 12, `${engine.counters.unetRuns} runs`);
    const last = results[0]?.at(-1);
    assert.ok(last?.type === "generation.completed" && last.determinism === "visual");
  }, { rowsMax: 4, batching: "fast" }));

Deno.test("time inside the model is counted once where runs of several graphs overlap", () =>
  withEngine(async (engine) => {
    const vae = { every: 1, method: "vae" } as const;
    const start = performance.now();
    const jobs = [1, 2].map((seed) => run(engine, { prompt: "a red car", seed, previews: vae }));
    await Promise.all(jobs);
    assert.ok(engine.counters.inferenceMs <= performance.now() - start);
  }));

Deno.test("a canceled job ends without a terminal event and stops spending rows", () =>
  withEngine(async (engine) => {
    const controller = new AbortController();
    const plan = planOf(engine, { prompt: "a blue bird", num_inference_steps: 50 });
    const seen: string[] = [];
    const other = run(engine, { prompt: "a red car" });
    for await (const event of engine.generate(plan, controller.signal)) {
      seen.push(event.type);
      if (event.type === "generation.step" && event.step === 2) controller.abort();
    }
    assert.ok(!seen.includes("generation.completed") && !seen.includes("generation.image"));
    assert.equal((await other).at(-1)?.type, "generation.completed");
    assert.ok(engine.counters.unetRows < 12 + 20, `${engine.counters.unetRows} rows`);
  }));

Deno.test("a reader who leaves stops the work", () =>
  withEngine(async (engine) => {
    const plan = planOf(engine, { prompt: "a blue bird", num_inference_steps: 50 });
    for await (const event of engine.generate(plan, never())) {
      if (event.type === "generation.step") break;
    }
    const spent = engine.counters.unetRows;
    await run(engine, { prompt: "a red car", num_inference_steps: 1 });
    // The step that was under way may finish: two rows beside the two of the second run.
    assert.ok(engine.counters.unetRows <= spent + 4, `${engine.counters.unetRows - spent} rows`);
  }));

Deno.test("an unknown model is refused with the models there are", () =>
  withEngine((engine) => {
    const request = parseGenerationRequest({ prompt: "a blue bird", model: "big" });
    assert.ok(request.ok);
    const plan = engine.plan(request.value);
    assert.ok(!plan.ok);
    assert.equal(plan.problem.code, "unknown_model");
    assert.equal(plan.problem.detail, 'model must be one of mini, given "big"');
    return Promise.resolve();
  }));

Deno.test("width and height are not confused from noise to previews to image", async () => {
  const parent = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    await cp(join(modelsDir, "mini"), join(parent, "mini"), { recursive: true });
    const file = join(parent, "mini/shapefirst.json");
    const json = JSON.parse(await readFile(file, "utf8"));
    json.size = { min: 32, max: 96, multiple_of: 16 };
    await writeFile(file, JSON.stringify(json));
    const engine = await createEngine({ modelsDir: parent, intraOpNumThreads: 1 });
    const input = { prompt: "a blue bird", width: 96, height: 32 };
    for (const method of ["projection", "vae"] as const) {
      const events = await run(engine, { ...input, previews: { every: 2, method } });
      const bitmaps = events.filter((event) =>
        event.type === "generation.image" || event.type === "generation.preview"
      );
      assert.equal(bitmaps.length, 3);
      assert.ok(bitmaps.every(({ width, height }) => width === 96 && height === 32));
      assert.ok(
        events.every((event) => event.type !== "generation.preview" || event.method === method),
      );
    }
    await engine.close();
  } finally {
    await rm(parent, { recursive: true });
  }
});

Deno.test("previews have the format that is asked for, and the image keeps its own", async () => {
  const engine = await createEngine({ modelsDir, model: "mini", intraOpNumThreads: 1 });
  const typesOf = async (more: object) => {
    const input = { prompt: "a blue bird", seed: 3, num_inference_steps: 3, ...more };
    return (await run(engine, input)).flatMap((event) =>
      event.type === "generation.preview" || event.type === "generation.image"
        ? [event.media_type.slice("image/".length)]
        : []
    );
  };
  const every = 1;
  assert.deepEqual(await typesOf({ previews: { every } }), ["webp", "webp", "png"]);
  assert.deepEqual(await typesOf({ previews: { every, format: "png" } }), ["png", "png", "png"]);
  const both = { previews: { every, format: "png" }, output_format: "webp" };
  assert.deepEqual(await typesOf(both), ["png", "png", "webp"]);
  const vae = { previews: { every, method: "vae", format: "webp" } };
  assert.deepEqual(await typesOf(vae), ["webp", "webp", "png"]);
  await engine.close();
});

Deno.test("close stops what runs and lets its readers end", async () => {
  const engine = await createEngine({ modelsDir, model: "mini", intraOpNumThreads: 1 });
  const plan = planOf(engine, { prompt: "a blue bird", num_inference_steps: 50 });
  const types: string[] = [];
  for await (const { type } of engine.generate(plan, never())) {
    types.push(type);
    if (types.length === 3) void engine.close();
  }
  assert.ok(!types.includes("generation.completed"));
});
