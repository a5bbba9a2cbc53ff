/** If this breaks, insights of another run or an earlier version are reported as this run's. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import sharp from "sharp";
import { INSIGHT_EVENTS } from "../../../contract/fixtures/insight_events.ts";
import type { GenerationEvent, Plan } from "../../../contract/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import { openObservedRuns } from "./observed_runs.ts";

const step = INSIGHT_EVENTS.find((event) => event.type === "generation.frequency")!;

/** Yields the fixture's events and a black pixel; `asked` lists the insights asked for. */
function fakeEngine(asked: string[]): Engine {
  return {
    models: [],
    unavailable: [],
    determinismClass: "test",
    plan: (request) => ({
      ok: true,
      value: { id: request.prompt, insights: request.insights } as unknown as Plan,
    }),
    async *generate(plan) {
      asked.push(`${plan.id}: ${plan.insights}`);
      yield* INSIGHT_EVENTS as readonly GenerationEvent[];
      yield { ...step, step: step.step + 1 };
      const raw = { width: 1, height: 1, channels: 3 } as const;
      const png = await sharp(Uint8Array.of(0, 0, 0), { raw }).png().toBuffer();
      yield {
        type: "generation.image",
        media_type: "image/png",
        width: 1,
        height: 1,
        data: Buffer.from(png).toString("base64"),
        sha256: "",
      };
      yield {
        type: "generation.completed",
        id: plan.id,
        evaluations: { planned: 75, spent: 50, shared: 25, full: 100, saved: 0.25 },
        determinism: "bitwise",
        timings: { total_ms: 1, inference_ms: 1 },
        cached: false,
      };
    },
    counters: { unetRows: 0, unetRuns: 0, inferenceMs: 0 },
    close: () => Promise.resolve(),
  };
}

Deno.test("a run is observed once for each insight, and found again by a later command", async () => {
  const folder = await Deno.makeTempDir();
  const asked: string[] = [];
  const drawing = { prompt: "bird", seed: 3 };
  const runs = await openObservedRuns(fakeEngine(asked), folder);
  const run = await runs.observe(drawing, "frequency");
  assert.deepEqual([...run.image.data], [0, 0, 0]);
  const found = run.eventsOf("generation.frequency");
  assert.deepEqual(found.map((event) => event.step), [step.step, step.step + 1]);
  assert.throws(() => run.eventOf("generation.frequency"), /given several/);
  assert.equal(run.eventOf("generation.frequency_summary").type, "generation.frequency_summary");
  assert.throws(() => run.eventOf("generation.preview"), /one generation\.preview, given none/);
  const later = await openObservedRuns(fakeEngine(asked), folder);
  assert.deepEqual(
    (await later.observe(drawing, "frequency")).eventsOf("generation.frequency"),
    found,
  );
  await later.observe(drawing, "guidance");
  const plain = await later.observe(drawing, null);
  assert.equal(plain.eventOf("generation.completed").evaluations.saved, 0.25);
  assert.deepEqual(asked, ["bird: frequency", "bird: guidance", "bird: "]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("events that this version does not know are refused by their file", async () => {
  const folder = await Deno.makeTempDir();
  const runs = await openObservedRuns(fakeEngine([]), folder);
  await runs.observe({ prompt: "bird", seed: 3 }, "frequency");
  const file = join(folder, "bird.frequency.json");
  await Deno.writeTextFile(file, '[{"type": "generation.frequency"}]');
  await assert.rejects(runs.observe({ prompt: "bird", seed: 3 }, "frequency"), {
    name: "RangeError",
    message: `${file} must hold events of this version; remove it to run again`,
  });
  await Deno.remove(folder, { recursive: true });
});
