/** Insights of true runs of the embedded model: what they say, and that they change nothing. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GenerationEvent,
  type GenerationEventOf,
  type GenerationEventType,
  type GenerationRequestInput,
  parseGenerationEvent,
  parseGenerationRequest,
} from "../../contract/mod.ts";
import type { Engine } from "../jobs/engine.ts";
import { createEngine } from "./onnx_engine.ts";
import { decodeTokenMaps } from "./token_maps.ts";

const modelsDir = join(import.meta.dirname!, "../models");
const ALL = ["attention", "frequency", "guidance"] as const;
const STEPS = 8;

async function run(engine: Engine, request: Partial<GenerationRequestInput>) {
  const parsed = parseGenerationRequest({
    prompt: "a blue bird",
    seed: 7,
    num_inference_steps: STEPS,
    previews: { every: 3 },
    cutoff: { guided_steps: 5 },
    ...request,
  });
  assert.ok(parsed.ok);
  const plan = engine.plan(parsed.value);
  assert.ok(plan.ok, plan.ok ? "" : plan.problem.detail);
  const events = await Array.fromAsync(engine.generate(plan.value, new AbortController().signal));
  for (const event of events) {
    assert.deepEqual(parseGenerationEvent(event), { ok: true, value: event });
  }
  return { plan: plan.value, events };
}

function eventsOf<T extends GenerationEventType>(events: readonly GenerationEvent[], type: T) {
  return events.filter((event): event is GenerationEventOf<T> => event.type === type);
}

async function withEngine(
  test: (engine: Engine) => Promise<void>,
  options: { readonly rowsMax?: number; readonly rowMemoryBytes?: number } = {},
): Promise<void> {
  const engine = await createEngine({ modelsDir, model: "mini", intraOpNumThreads: 1, ...options });
  try {
    await test(engine);
  } finally {
    await engine.close();
  }
}

const pictures = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) =>
    event.type === "generation.image" || event.type === "generation.preview" ? [event.data] : []
  );

for (const rowsMax of [1, 4]) {
  Deno.test(`insights change no bit of image and previews, and no evaluation, rowsMax ${rowsMax}`, () =>
    withEngine(async (engine) => {
      const plain = await run(engine, {});
      const shown = await run(engine, { insights: [...ALL] });
      assert.deepEqual(pictures(shown.events), pictures(plain.events));
      assert.equal(pictures(plain.events).length, 3);
      assert.equal(shown.plan.id, plain.plan.id);
      const steps = (events: readonly GenerationEvent[]) => eventsOf(events, "generation.step");
      assert.deepEqual(steps(shown.events), steps(plain.events));
      assert.equal(engine.counters.unetRows, 2 * (5 * 2 + 3));
    }, { rowsMax }));
}

Deno.test("attention comes in the steps that see the prompt, in shares that sum to 1, with maps at previews", () =>
  withEngine(async (engine) => {
    const { plan, events } = await run(engine, { insights: ["attention"] });
    const attention = eventsOf(events, "generation.attention");
    assert.deepEqual(attention.map(({ step }) => step), [0, 1, 2, 3, 4]);
    for (const { shares: { sos, semantic, eos } } of attention) {
      assert.ok(Math.abs(sos + semantic + eos - 1) < 1e-5);
      assert.ok(Math.min(sos, semantic, eos) > 0);
    }
    assert.deepEqual(plan.insights.map_steps, [2]);
    const mapped = attention.filter(({ maps }) => maps !== null);
    assert.deepEqual(mapped.map(({ step }) => step), [2]);
    const [summary] = eventsOf(events, "generation.attention_summary");
    assert.ok(summary && mapped[0]?.maps);
    for (const maps of [mapped[0].maps, summary.maps]) {
      assert.deepEqual([maps.width, maps.height], [8, 8]);
      assert.deepEqual(maps.tokens.map(({ position }) => position), [1, 2, 3]);
      for (const { data } of decodeTokenMaps(maps)) {
        assert.ok(Math.max(...data) > Math.min(...data));
      }
    }
    const { steps, relative_f1, level } = summary.convergence;
    assert.deepEqual(steps, [0, 1, 2, 3, 4]);
    assert.equal(relative_f1.at(-1), 1);
    assert.equal(level, 0.9);
    const types = events.map(({ type }) => type);
    assert.equal(
      types.indexOf("generation.attention_summary"),
      types.indexOf("generation.image") - 1,
    );
  }));

Deno.test("a map's mean over the image is its token's part of the semantic share", () =>
  withEngine(async (engine) => {
    const { events } = await run(engine, { insights: ["attention"], prompt: "bird" });
    const mapped = eventsOf(events, "generation.attention").filter(({ maps }) => maps !== null);
    assert.ok(mapped.length > 0);
    for (const { maps, shares } of mapped) {
      const [map] = decodeTokenMaps(maps!);
      const mean = map!.data.reduce((sum, value) => sum + value, 0) / map!.data.length;
      // Enlarging coarser layers keeps their sum but for the border, and a byte rounds.
      assert.ok(
        Math.abs(mean - shares.semantic) < 0.1 * shares.semantic,
        `${mean} ${shares.semantic}`,
      );
    }
  }));

Deno.test("frequency begins as noise and ends as the final latents", () =>
  withEngine(async (engine) => {
    const { events } = await run(engine, { insights: ["frequency"], num_inference_steps: 20 });
    const frequency = eventsOf(events, "generation.frequency");
    const [summary] = eventsOf(events, "generation.frequency_summary");
    assert.ok(summary);
    assert.equal(frequency.length, 20);
    const { bins, noise, final, variation } = summary;
    assert.deepEqual(bins, { low: 13, high: 51 });
    for (const band of ["low", "high"] as const) {
      // Twelve channels of a few bins: chi-squared with that many degrees of freedom.
      const spread = 4 / Math.sqrt(2 * 12 * bins[band]);
      assert.ok(Math.abs(frequency[0]!.x[band] / noise[band] - 1) < spread, band);
      const last = variation.at(-1)!.x0[band]!;
      assert.ok(last < 0.1 * variation[0]!.x[band]!, `${band} ${last}`);
      assert.ok(Math.abs(frequency.at(-1)!.x0[band] / final[band] - 1) < 0.05);
    }
    assert.ok(final.low / final.high > noise.low / noise.high);
    // Half way the prediction is nearer to the end than the noisy latents it was made from.
    const { x, x0 } = variation[10]!;
    assert.ok(x0.high! < 0.5 * x.high!, `${x0.high} ${x.high}`);
  }));

Deno.test("the low part is as large as asked for", () =>
  withEngine(async (engine) => {
    const insight_options = { low_fraction: 0.5 };
    const { events } = await run(engine, { insights: ["frequency"], insight_options });
    const [summary] = eventsOf(events, "generation.frequency_summary");
    assert.ok(summary && summary.bins.low >= 32 && summary.low_fraction === 0.5);
  }));

Deno.test("guidance terms come in guided steps and agree with the step's ratio", () =>
  withEngine(async (engine) => {
    const { events } = await run(engine, { insights: ["guidance"] });
    const guidance = eventsOf(events, "generation.guidance");
    const steps = eventsOf(events, "generation.step");
    assert.deepEqual(guidance.map(({ step }) => step), [0, 1, 2, 3, 4]);
    for (const { step, guidance_norm, unconditional_norm, cosine } of guidance) {
      const ratio = steps[step]!.guidance_norm_ratio!;
      assert.ok(Math.abs(guidance_norm / unconditional_norm - ratio) < 1e-5 * ratio);
      assert.ok(cosine > 0.5 && cosine <= 1);
    }
  }));

Deno.test("a run without the prompt has no attention to show, and says nothing", () =>
  withEngine(async (engine) => {
    const { events } = await run(engine, { insights: ["attention"], cutoff: { guided_steps: 0 } });
    assert.deepEqual(events.filter(({ type }) => type.includes("attention")), []);
    assert.equal(events.at(-1)?.type, "generation.completed");
  }));

Deno.test("rows remembered from a plain run are evaluated where attention is wanted, and only there", () =>
  withEngine(async (engine) => {
    const plain = await run(engine, {});
    const shown = await run(engine, { insights: ["attention"] });
    assert.equal(eventsOf(shown.events, "generation.attention").length, 5);
    assert.deepEqual(pictures(shown.events), pictures(plain.events));
    const [completed] = eventsOf(shown.events, "generation.completed");
    assert.deepEqual([completed?.evaluations.spent, completed?.evaluations.shared], [5, 8]);
  }, { rowMemoryBytes: 8_000_000 }));

Deno.test("a plain run and one that shows its attention share memory that holds one model", async () => {
  const file = await readFile(join(modelsDir, "mini/shapefirst.json"), "utf8");
  const bytes = JSON.parse(file).files
    .reduce((sum: number, each: { bytes: number }) => sum + each.bytes, 0);
  const engine = await createEngine({
    modelsDir,
    model: "mini",
    intraOpNumThreads: 1,
    memoryBytes: 1.5 * bytes,
  });
  try {
    const runs = await Promise.all([run(engine, {}), run(engine, { insights: ["attention"] })]);
    assert.deepEqual(pictures(runs[0].events), pictures(runs[1].events));
    assert.equal(engine.counters.unetRows, 2 * 13);
  } finally {
    await engine.close();
  }
});

Deno.test("a package without taps is refused attention in one sentence, and shows the rest", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    await cp(join(modelsDir, "mini"), join(folder, "mini"), { recursive: true });
    const file = join(folder, "mini/shapefirst.json");
    const { taps: _, ...untapped } = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify(untapped));
    const engine = await createEngine({ modelsDir: folder, intraOpNumThreads: 1 });
    try {
      const request = parseGenerationRequest({ prompt: "bird", insights: ["attention"] });
      assert.ok(request.ok);
      const plan = engine.plan(request.value);
      assert.ok(!plan.ok);
      assert.equal(
        plan.problem.detail,
        "insights.0 must be one of frequency, guidance for model mini, whose package names no taps, " +
          'given "attention"',
      );
      const { events } = await run(engine, { insights: ["guidance", "frequency"] });
      assert.equal(eventsOf(events, "generation.guidance").length, 5);
    } finally {
      await engine.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
