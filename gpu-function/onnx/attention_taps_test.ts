/** Attention out of true onnxruntime: graphs of known weights, and the embedded model. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createNoiseSource } from "../diffusion/mod.ts";
import { averageAttention } from "../insights/mod.ts";
import { loadDenoiser } from "./denoiser/denoiser.ts";
import type { DenoiserForm } from "./denoiser/denoiser_form.ts";
import type { DenoiserRow } from "./denoiser/denoiser_row.ts";
import { withOutputs } from "./graph_file/graph_outputs.ts";

const cpu = { executionProvider: "cpu", intraOpNumThreads: 1 };
const form: DenoiserForm = {
  names: { input: ["sample"], output: ["out_sample"], pooled: null },
  channels: 2,
  outputChannels: 2,
  textMasked: false,
  pixelsPerLatent: null,
  textWidth: 3,
};
const HAND_MADE = { ...form, taps: ["fine", "coarse"] };
const [HEIGHT, WIDTH, TOKENS] = [4, 6, 4];

const handMadeRow = (seed: number): DenoiserRow => ({
  x: createNoiseSource(seed, [2, HEIGHT, WIDTH])(),
  timestep: 10 * seed,
  states: {
    sequence: {
      data: createNoiseSource(seed + 50, [TOKENS * 3])().data,
      positions: TOKENS,
      width: 3,
    },
    pooled: null,
  },
});

const softmax = (scores: readonly number[]) => {
  const powers = scores.map(Math.exp);
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
};

/** What fixtures/record.py says of its graph, in closed form: weights per token at one place. */
function closedForm({ x, states }: DenoiserRow) {
  const at = (c: number, y: number, column: number) => x.data[(c * HEIGHT + y) * WIDTH + column]!;
  const state = (token: number, i: number) => states.sequence.data[3 * token + i]!;
  const weights = (query: number, i: number) =>
    softmax(Array.from({ length: TOKENS }, (_, token) => query * state(token, i)));
  const fine = (y: number, column: number) => {
    const [first, second] = [weights(at(0, y, column), 0), weights(at(1, y, column), 1)];
    return first.map((weight, token) => (weight + second[token]!) / 2);
  };
  const coarse = (y: number, column: number) => {
    const block = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;
    const query = block.reduce((sum, [dy, dx]) => sum + at(0, 2 * y + dy, 2 * column + dx), 0) / 4;
    return weights(query, 1);
  };
  /** Linear between the centres of the coarse cells, level at the border. */
  const enlarged = (y: number, column: number) => {
    const place = (at: number, cells: number) => Math.min(Math.max((at - 0.5) / 2, 0), cells - 1);
    const [v, u] = [place(y, HEIGHT / 2), place(column, WIDTH / 2)];
    const [v0, u0] = [Math.floor(v), Math.floor(u)];
    const corners = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;
    return Array.from({ length: TOKENS }, (_, token) =>
      corners.reduce((sum, [dv, du]) => {
        const weight = (dv ? v - v0 : 1 - v + v0) * (du ? u - u0 : 1 - u + u0);
        return weight === 0 ? sum : sum + weight * coarse(v0 + dv, u0 + du)[token]!;
      }, 0));
  };
  const cells = Array.from(
    { length: HEIGHT * WIDTH },
    (_, i) => [Math.floor(i / WIDTH), i % WIDTH] as const,
  );
  const coarseCells = cells.filter(([y, column]) => y < HEIGHT / 2 && column < WIDTH / 2);
  const maps = Array.from(
    { length: TOKENS },
    (_, token) =>
      cells.map(([y, column]) => (fine(y, column)[token]! + enlarged(y, column)[token]!) / 2),
  );
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const shares = Array.from(
    { length: TOKENS },
    (_, token) =>
      (mean(cells.map(([y, column]) => fine(y, column)[token]!)) +
        mean(coarseCells.map(([y, column]) => coarse(y, column)[token]!))) / 2,
  );
  return { maps, shares };
}

function assertNear(actual: ArrayLike<number>, expected: readonly number[]) {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(actual[i]! - value) < 1e-6, `${i}: ${actual[i]} instead of ${value}`);
  }
}

for (const name of ["attention_heads_apart.onnx", "attention_heads_in_batch.onnx"]) {
  for (const exact of [true, false]) {
    Deno.test(`${name}: maps and shares are their closed form, rows ${exact ? "alone" : "in a batch"}`, async () => {
      const file = join(import.meta.dirname!, "fixtures", name);
      const denoiser = await loadDenoiser(file, HAND_MADE, { ...cpu, exact });
      const rows = [1, 2, 3].map((seed) => ({ ...handMadeRow(seed), tapped: seed !== 2 }));
      const { attention = [] } = await denoiser.run(rows);
      assert.equal(attention[1], null);
      for (const i of [0, 2]) {
        const layers = attention[i] ?? [];
        assert.deepEqual(layers.map(({ shape }) => shape), [[2, 24, 4], [1, 6, 4]]);
        const { maps, shares } = averageAttention(layers, {
          latents: { width: WIDTH, height: HEIGHT },
          positions: [0, 1, 2, 3],
        });
        const expected = closedForm(rows[i]!);
        assertNear(shares, expected.shares);
        for (const [token, map] of maps.entries()) assertNear(map.data, expected.maps[token]!);
      }
      await denoiser.sessions[0].release();
    });
  }
}

for (const exact of [true, false]) {
  Deno.test(`taps of mini change no bit of its output, rows ${exact ? "alone" : "in a batch"}`, async () => {
    const mini = join(import.meta.dirname!, "../models/mini");
    const { taps } = JSON.parse(await readFile(join(mini, "shapefirst.json"), "utf8"));
    const { channels, width } = { channels: 12, width: 192 };
    const miniForm = { ...form, channels, outputChannels: channels, textWidth: width };
    const load = (form: DenoiserForm) =>
      loadDenoiser(join(mini, "unet/model.onnx"), form, { ...cpu, exact });
    const plain = await load(miniForm);
    const tapped = await load({ ...miniForm, taps });
    const rows = [3, 4].map((seed) => ({
      x: createNoiseSource(seed, [channels, 8, 8])(),
      timestep: 400,
      states: {
        sequence: { data: createNoiseSource(seed + 9, [32 * width])().data, positions: 32, width },
        pooled: null,
      },
      tapped: seed === 4,
    }));
    const expected = await plain.run(rows);
    const { value, attention } = await tapped.run(rows);
    assert.deepEqual(value, expected.value);
    assert.deepEqual([expected.attention, attention?.[0]], [undefined, null]);
    assert.deepEqual(attention?.[1]?.map(({ shape }) => shape[2]), taps.map(() => 32));
    await plain.sessions[0].release();
    await tapped.sessions[0].release();
  });
}

Deno.test("a tap that the graph lacks, or that is no attention, is named when it loads", async () => {
  const file = join(import.meta.dirname!, "fixtures/attention_heads_apart.onnx");
  const load = (tap: string) =>
    loadDenoiser(file, { ...form, taps: [tap] }, { ...cpu, exact: true });
  await assert.rejects(load("finest"), /heads_apart\.onnx: .*finest/);
  await assert.rejects(load("t"), /heads_apart\.onnx: output t must have shape .*, given \[any\]/);
});

Deno.test("names of any length and number are written as protobuf writes them", () => {
  const long = "n".repeat(200);
  const bytes = withOutputs(Uint8Array.of(9), [long, "ab"]);
  // Inner lengths 203 and 4, with field and length before each.
  const name = [10, 0xc8, 1, ...new TextEncoder().encode(long)];
  const outputs = [98, 0xcb, 1, ...name, 98, 4, 10, 2, 97, 98];
  assert.deepEqual([...bytes], [9, 58, 0xd4, 1, ...outputs]);
});
