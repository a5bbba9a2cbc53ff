/** Through true onnxruntime, on tiny graphs that fixtures/record.py wrote: exact small numbers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createLatents } from "../diffusion/mod.ts";
import { loadDenoiser } from "./denoiser/denoiser.ts";
import type { DenoiserForm } from "./denoiser/denoiser_form.ts";
import type { DenoiserRow } from "./denoiser/denoiser_row.ts";
import { type TinyGraph, withTinyGraph } from "../fixtures/tiny_graph.ts";
import { loadTextEncoder } from "./text_encoder.ts";
import { loadVaeDecoder } from "./vae_decoder.ts";

const file = (name: string) => join(import.meta.dirname!, "fixtures", name);
const cpu = { executionProvider: "cpu", intraOpNumThreads: 1 };
const alone = { ...cpu, exact: true };
const unet = (channels: number): DenoiserForm => ({
  names: { input: ["sample"], output: ["out_sample"], pooled: null },
  channels,
  outputChannels: channels,
  textMasked: false,
  pixelsPerLatent: null,
  textWidth: null,
});
const TRANSFORMER: DenoiserForm = {
  names: {
    input: ["sample", "hidden_states"],
    output: ["noise", "out_hidden_states"],
    pooled: null,
  },
  channels: 2,
  outputChannels: 4,
  textMasked: true,
  pixelsPerLatent: 8,
  textWidth: 3,
};
const clip = (max_length: number) => ({
  max_length,
  eos_token_id: 1,
  paddingMasked: false,
  pooled: null,
});

/** Latents [2, 1, 3] counting up from `x`, two tokens of three states that sum up to 6 `s`. */
const row = (x: number, timestep: number, s: number): DenoiserRow => ({
  x: createLatents(Float32Array.from({ length: 6 }, (_, i) => x + i), [2, 1, 3]),
  timestep,
  states: { sequence: { data: new Float32Array(6).fill(s), positions: 2, width: 3 }, pooled: null },
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
      const denoiser = await loadDenoiser(file(name), unet(2), { ...cpu, exact });
      const { value, milliseconds } = await denoiser.run(ROWS);
      assert.deepEqual(value.map(({ data }) => data[0]), FIRST_VALUES);
      assert.deepEqual(value.map(({ data }) => data[5]), FIRST_VALUES.map((first) => first + 5));
      assert.deepEqual(value.map(({ shape }) => shape), ROWS.map(({ x }) => x.shape));
      assert.equal(denoiser.sessions[0].usage.rows, 3);
      assert.equal(denoiser.sessions[0].usage.runs, exact ? 3 : runs);
      assert.equal(denoiser.sessions[0].usage.milliseconds, milliseconds);
      await denoiser.sessions[0].release();
    });
  }
}

for (const name of ["timestep_per_row_int64.onnx", "timestep_single_int32.onnx"]) {
  Deno.test(`denoiser ${name} cuts the fraction off a timestep`, async () => {
    const denoiser = await loadDenoiser(file(name), unet(2), alone);
    const { value } = await denoiser.run([row(0, 946.75, 0)]);
    assert.equal(value[0]?.data[0], 946);
    await denoiser.sessions[0].release();
  });
}

Deno.test("the VAE is given latents / scaling_factor + shift_factor", () =>
  withTinyGraph({
    inputs: [{ name: "latent_sample", type: "float32", shape: ["rows", 3, "h", "w"] }],
    outputs: [{ name: "sample", type: "float32", shape: ["rows", 3, "h", "w"] }],
    nodes: [{ op: "Identity", inputs: ["latent_sample"], output: "sample" }],
  }, async (path) => {
    // Numbers of float32, so that the results are exact: SD 3's are 1.5305 and 0.0609.
    const form = { channels: 3, scaling_factor: 1.5, shift_factor: 0.0625 };
    const decoder = await loadVaeDecoder(path, form, cpu);
    const latents = createLatents(Float32Array.of(-3, 0, 1.5, 3, 6, 12), [3, 1, 2]);
    const { value } = await decoder.decode(latents);
    assert.deepEqual([...value.data], [-1.9375, 0.0625, 1.0625, 2.0625, 4.0625, 8.0625]);
    assert.deepEqual(value.shape, [3, 1, 2]);
    await decoder.session.release();
  }));

Deno.test("a text encoder with int32 ids gives one state a token", async () => {
  const encoder = await loadTextEncoder(file("text_encoder_int32.onnx"), clip(4), cpu);
  const { value } = await encoder.encode([3, 1, 4, 1]);
  assert.deepEqual(value, {
    sequence: { data: Float32Array.of(3, 1, 4, 1), positions: 4, width: 1 },
    pooled: null,
  });
  await encoder.session.release();
});

/** States are the ids, and the vector for the whole text their sum. */
const POOLING_ENCODER: TinyGraph = {
  inputs: [{ name: "input_ids", type: "int64", shape: ["rows", 4] }],
  outputs: [
    { name: "last_hidden_state", type: "float32", shape: ["rows", 4, 1] },
    { name: "text_embeds", type: "float32", shape: ["rows", 1] },
  ],
  nodes: [
    { op: "Cast", inputs: ["input_ids"], output: "ids", attributes: { to: 1 } },
    { op: "Unsqueeze", inputs: ["ids"], output: "last_hidden_state", attributes: { axes: [2] } },
    { op: "ReduceSum", inputs: ["ids"], output: "text_embeds", attributes: { axes: [1] } },
  ],
};

Deno.test("a text encoder gives its pooled vector beside the states where it is asked for", () =>
  withTinyGraph(POOLING_ENCODER, async (path) => {
    const sequence = { data: Float32Array.of(3, 1, 4, 1), positions: 4, width: 1 };
    for (const [output, pooled] of [["text_embeds", Float32Array.of(9)], [null, null]] as const) {
      const encoder = await loadTextEncoder(path, { ...clip(4), pooled: output }, cpu);
      assert.deepEqual((await encoder.encode([3, 1, 4, 1])).value, { sequence, pooled });
      await encoder.session.release();
    }
    await assert.rejects(
      loadTextEncoder(path, { ...clip(4), pooled: "pooler_output" }, cpu),
      /output pooler_output is missing, the file has last_hidden_state, text_embeds/,
    );
  }));

/** The latents plus the sum of the pooled vector. */
const POOLED_DENOISER: TinyGraph = {
  inputs: [
    { name: "sample", type: "float32", shape: ["rows", 2, "h", "w"] },
    { name: "timestep", type: "int64", shape: ["rows"] },
    { name: "encoder_hidden_states", type: "float32", shape: ["rows", "tokens", 3] },
    { name: "text_embeds", type: "float32", shape: ["rows", 2] },
  ],
  outputs: [{ name: "out_sample", type: "float32", shape: ["rows", 2, "h", "w"] }],
  nodes: [
    { op: "ReduceSum", inputs: ["text_embeds"], output: "sums", attributes: { axes: [1] } },
    { op: "Unsqueeze", inputs: ["sums"], output: "each", attributes: { axes: [2, 3] } },
    { op: "Add", inputs: ["sample", "each"], output: "out_sample" },
  ],
};

for (const exact of [true, false]) {
  Deno.test(`a denoiser is fed each row's pooled vector, ${exact ? "alone" : "batched"}`, () =>
    withTinyGraph(POOLED_DENOISER, async (path) => {
      const plain = unet(2);
      const names = { ...plain.names, pooled: ["pooled_projections", "text_embeds"] } as const;
      const denoiser = await loadDenoiser(path, { ...plain, names }, { ...cpu, exact });
      const rows = ROWS.map((row, i) => ({
        ...row,
        states: { ...row.states, pooled: Float32Array.of(100 * i, 1) },
      }));
      const { value } = await denoiser.run(rows);
      assert.deepEqual(value.map(({ data }) => data[0]), [1, 111, 201.5]);
      await assert.rejects(denoiser.run(ROWS), /takes a pooled text, and this one has none/);
      await denoiser.sessions[0].release();
      await assert.rejects(
        loadDenoiser(path, plain, alone),
        /input text_embeds is not one this engine can feed/,
      );
    }));
}

for (const exact of [true, false]) {
  Deno.test(`a transformer is fed each row's mask and the size, its variance is dropped, ${exact ? "alone" : "batched"}`, async () => {
    const file_ = file("transformer_sizes.onnx");
    const transformer = await loadDenoiser(file_, TRANSFORMER, { ...cpu, exact });
    const [first, second, third] = ROWS as [DenoiserRow, DenoiserRow, DenoiserRow];
    const seen = { ...first.states.sequence, mask: [1, 0] };
    const masked = { ...first, states: { ...first.states, sequence: seen } };
    const { value } = await transformer.run([masked, second, third]);
    // 8 pixels high, 24 wide; of the first row's states one token is seen.
    const size = Math.fround(8 + 100 * 24 + 1 / 3);
    const near = [0 + 20 + 3, 10 + 500 + 0, 0.5 + 20 + 12].map((known) => known + size);
    for (const [i, { data, shape }] of value.entries()) {
      assert.deepEqual(shape, [2, 1, 3]);
      assert.ok(Math.abs(data[0]! - near[i]!) < 1e-3, `row ${i}: ${data[0]}, ${near[i]}`);
      assert.ok(Math.abs(data[5]! - near[i]! - 5) < 1e-3);
    }
    await transformer.sessions[0].release();
  });
}

Deno.test("an encoder with a mask sees the words and [EOS], and hands the mask on", async () => {
  const form = { ...clip(5), paddingMasked: true };
  const encoder = await loadTextEncoder(file("text_encoder_masked.onnx"), form, cpu);
  assert.equal(encoder.width, 1);
  const { value } = await encoder.encode([3, 4, 1, 7, 1]);
  assert.deepEqual(value.sequence, {
    data: Float32Array.of(3, 4, 1, 0, 0),
    positions: 5,
    width: 1,
    mask: [1, 1, 1, 0, 0],
  });
  await encoder.session.release();
});

Deno.test("an encoder whose padding counts sees everything, mask or not", async () => {
  const encoder = await loadTextEncoder(file("text_encoder_masked.onnx"), clip(5), cpu);
  const { value } = await encoder.encode([3, 4, 1, 7, 1]);
  assert.deepEqual(value.sequence, {
    data: Float32Array.of(3, 4, 1, 7, 1),
    positions: 5,
    width: 1,
  });
  await encoder.session.release();
});

const denoiserOf = (name: string, channels: number) =>
  loadDenoiser(file(name), unet(channels), alone);
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
    () => loadTextEncoder(file("text_encoder_int32.onnx"), clip(77), cpu),
    /input input_ids must have shape \[any, 77\], given \[any, 4\]/,
  ],
  [
    "a graph of another kind",
    () =>
      loadVaeDecoder(file("text_encoder_int32.onnx"), {
        channels: 4,
        scaling_factor: 1,
        shift_factor: 0,
      }, cpu),
    /text_encoder_int32\.onnx: input latent_sample is missing, the file has input_ids/,
  ],
  [
    "no graph at all",
    () => denoiserOf("record.py", 2),
    /^RangeError: .*record\.py: onnxruntime cannot load this file: Protobuf parsing failed\.$/,
  ],
  ["no file at all", () => denoiserOf("none.onnx", 2), /none\.onnx is missing$/],
  [
    "an input nobody feeds",
    () =>
      loadDenoiser(
        file("transformer_sizes.onnx"),
        { ...TRANSFORMER, pixelsPerLatent: null },
        alone,
      ),
    /transformer_sizes\.onnx: input resolution is not one this engine can feed/,
  ],
  [
    "no mask where padding must not be seen",
    () =>
      loadTextEncoder(file("text_encoder_int32.onnx"), { ...clip(4), paddingMasked: true }, cpu),
    /text_encoder_int32\.onnx: input attention_mask is missing, the file has input_ids/,
  ],
  [
    "a denoiser for text states of another width",
    () => loadDenoiser(file("transformer_sizes.onnx"), { ...TRANSFORMER, textWidth: 16 }, alone),
    /input encoder_hidden_states must have shape \[any, any, 16\], given \[any, any, 3\]/,
  ],
  [
    "a variance that the config does not know",
    () =>
      loadDenoiser(file("transformer_sizes.onnx"), { ...TRANSFORMER, outputChannels: 2 }, alone),
    /output out_hidden_states must have shape \[any, 2, any, any\], given \[any, 4, any, any\]/,
  ],
  [
    "an unknown name",
    () =>
      loadDenoiser(file("transformer_sizes.onnx"), {
        ...TRANSFORMER,
        names: { input: ["x", "y"], output: ["z"], pooled: null },
      }, alone),
    /input x or y is missing, the file has hidden_states, encoder_hidden_states, timestep/,
  ],
];

for (const [name, load, sentence] of REFUSED) {
  Deno.test(`a graph is refused at load with its file: ${name}`, async () => {
    await assert.rejects(load, sentence);
  });
}
