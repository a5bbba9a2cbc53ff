// A row shared by mistake would change a branch; a row evaluated twice would cost too much.
import assert from "node:assert/strict";
import { parseSweepRequest, planSweep } from "../../contract/mod.ts";
import type { Engine } from "../../gpu-function/jobs/engine.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { runSweep } from "./engine_sweep.ts";
import { modelsFolder } from "../command_line/models_folder.ts";

/** @param seed differs between sweeps, so that none finds the rows of an earlier one */
function planOn(engine: Engine, body: object, seed: number) {
  const parsed = parseSweepRequest(body);
  assert(parsed.ok, JSON.stringify(parsed));
  const planned = planSweep(parsed.value, seed, (request) => engine.plan(request));
  assert(planned.ok, JSON.stringify(planned));
  return planned.value;
}

const base = { prompt: "a blue bird", num_inference_steps: 10, previews: { every: 0 } };
const eos_swap = { prompt: "a brown chair" };

const SWEEPS: readonly [name: string, body: object][] = [
  ["cutoffs", { base, cutoffs: [{ a: 0 }, { a: 3 }, { a: 3 }, { a: 7, tail: "cond" }] }],
  [
    "tails after a negative prompt",
    {
      base: { ...base, negative_prompt: "a red car", cutoff: { a: 4 } },
      tails: ["null", "cond", "delta"],
    },
  ],
  ["windows of the [EOS] swap", {
    base: { ...base, eos_swap },
    eos_windows: [{ from: 0, to: 10 }, { from: 0, to: 4 }, { from: 4, to: 10 }],
  }],
  [
    "cutoffs of a sampler that calls the model twice in a step",
    { base: { ...base, sampler: "heun" }, cutoffs: [{ a: 0 }, { a: 5 }] },
  ],
];

Deno.test("runSweep() evaluates what the plan says, and draws what runs apart draw", async (t) => {
  const open = (rowMemoryBytes: number) =>
    createEngine({
      modelsDir: modelsFolder(),
      model: "mini",
      intraOpNumThreads: 1,
      rowMemoryBytes,
    });
  const [engine, alone] = await Promise.all([open(64_000_000), open(0)]);
  for (const [seed, [name, body]] of SWEEPS.entries()) {
    await t.step(name, async () => {
      const plan = planOn(engine, body, seed);
      const before = engine.counters.unetRows;
      const { outcome, images } = await runSweep(engine, plan);
      assert.equal(engine.counters.unetRows - before, plan.evaluations.together);
      const { planned, spent, shared } = outcome.evaluations;
      assert.deepEqual([spent, spent + shared], [plan.evaluations.together, planned]);
      const apart = await runSweep(alone, plan);
      assert.deepEqual(
        images.map(({ image }) => image.sha256),
        apart.images.map(({ image }) => image.sha256),
      );
    });
  }
  assert(alone.counters.unetRows > engine.counters.unetRows);
  await Promise.all([engine.close(), alone.close()]);
});
