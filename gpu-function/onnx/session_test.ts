/** Through true onnxruntime, on tiny graphs that fixtures/record.py wrote: exact small numbers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLatents } from "../diffusion/mod.ts";
import { type DenoiserRow, loadDenoiser } from "./denoiser.ts";
import { loadTextEncoder } from "./text_encoder.ts";
import { loadVaeDecoder } from "./vae_decoder.ts";

const file = (name: string) => join(import.meta.dirname!, "fixtures", name);
const cpu = { executionProvider: "cpu", intraOpNumThreads: 1 };

/** Latents [2, 1, 3] counting up from `x`, two tokens of three states that sum up to 6 `s`. */
const row = (x: number, timestep: number, s: number): DenoiserRow => ({
  x: createLatents(Float32Array.from({ length: 6 }, (_, i) => x + i), [2, 1, 3]),
  timestep,
  states: { data: new Float32Array(6).fill(s), positions: 2, width: 3 },
});
const ROWS = [row(0, 20, 1), row(10, 500, 0), row(0.5, 20, 2)];
const FIRST_VALUES = [26, 510, 32.5];

// Variant of the export, and how many runs three rows take of which two have equal timesteps.
const VARIANTS: readonly (readonly [string, number])[] = [
  ["timestep_per_row_int64.onnx", 1],
  ["half_precision.onnx", 1],
  ["timestep_scalar_float.onnx", 2],
  ["timestep_single_int32.onnx", 2],
];

for (const [name, runs] of VARIANTS) {
  for (const exact of [true, false]) {
    Deno.test(`denoiser ${name} gives each row its own output, ${exact ? "alone" : "batched"}`, async () => {
      const denoiser = await loadDenoiser(file(name), { ...cpu, channels: 2, exact });
      const { value, milliseconds } = await denoiser.run(ROWS);
      assert.deepEqual(value.map(({ data }) => data[0]), FIRST_VALUES);
      assert.deepEqual(value.map(({ data }) => data[5]), FIRST_VALUES.map((first) => first + 5));
      assert.deepEqual(value.map(({ shape }) => shape), ROWS.map(({ x }) => x.shape));
      assert.equal(denoiser.session.usage.rows, 3);
      assert.equal(denoiser.session.usage.runs, exact ? 3 : runs);
      assert.equal(denoiser.session.usage.milliseconds, milliseconds);
      await denoiser.session.release();
    });
  }
}

for (const name of ["timestep_per_row_int64.onnx", "timestep_single_int32.onnx"]) {
  Deno.test(`denoiser ${name} cuts the fraction off a timestep`, async () => {
    const denoiser = await loadDenoiser(file(name), { ...cpu, channels: 2, exact: true });
    const { value } = await denoiser.run([row(0, 946.75, 0)]);
    assert.equal(value[0]?.data[0], 946);
    await denoiser.session.release();
  });
}

Deno.test("a text encoder with int32 ids gives one state a token", async () => {
  const encoder = await loadTextEncoder(file("text_encoder_int32.onnx"), { max_length: 4 }, cpu);
  const { value } = await encoder.encode([3, 1, 4, 1]);
  assert.deepEqual(value, { data: Float32Array.of(3, 1, 4, 1), positions: 4, width: 1 });
  await encoder.session.release();
});

const denoiserOf = (name: string, channels: number) =>
  loadDenoiser(file(name), { ...cpu, channels, exact: true });
const REFUSED: readonly [string, () => Promise<unknown>, RegExp][] = [
  [
    "other channels than the config says",
    () => denoiserOf("timestep_per_row_int64.onnx", 4),
    /per_row_int64\.onnx: input sample must have shape \[any, 4, any, any\], given \[any, 2, any, any\]/,
  ],
  [
    "a type it cannot feed",
    () => denoiserOf("timestep_double.onnx", 2),
    /timestep_double\.onnx: input timestep must be int64 or int32 or float32 or float16, given float64/,
  ],
  [
    "another sequence length",
    () => loadTextEncoder(file("text_encoder_int32.onnx"), { max_length: 77 }, cpu),
    /input input_ids must have shape \[any, 77\], given \[any, 4\]/,
  ],
  [
    "a graph of another kind",
    () => loadVaeDecoder(file("text_encoder_int32.onnx"), { channels: 4, scaling_factor: 1 }, cpu),
    /text_encoder_int32\.onnx: input latent_sample is missing, the file has input_ids/,
  ],
  ["no graph at all", () => denoiserOf("record.py", 2), /record\.py: onnxruntime cannot load this/],
];

for (const [name, load, sentence] of REFUSED) {
  Deno.test(`a graph is refused at load with its file: ${name}`, async () => {
    await assert.rejects(load, sentence);
  });
}
