/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { createMt19937 } from "./mt19937.ts";
import { createNoiseSource, seededNoise } from "./noise.ts";
// Recorded by fixtures/record.py.
import recorded from "./fixtures/torch_noise.json" with { type: "json" };

Deno.test("mt19937 gives the published 10,000th number of seed 5489", () => {
  const random = createMt19937(5489);
  for (let i = 1; i < 10_000; i++) random();
  assert.equal(random(), 4_123_659_995);
});

for (const { seed, first, last } of recorded.integers) {
  Deno.test(`mt19937 of seed ${seed} is torch's stream of integers`, () => {
    const random = createMt19937(seed);
    const words = Array.from({ length: 2000 }, () => {
      const [high, low] = [random(), random()];
      return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
    });
    assert.equal(words.slice(0, 4).join(" "), first);
    assert.equal(words.slice(-4).join(" "), last);
  });
}

/** How many float32 numbers lie between two, both of one sign or near 0. */
function unitsApart(a: number, b: number): number {
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer);
  const rank = (bits: number) => bits < 0 ? -(bits & 0x7fff_ffff) : bits;
  return Math.abs(rank(x!) - rank(y!));
}

Deno.test("createNoiseSource equals torch.randn draw after draw: small, in blocks, past them", () => {
  assert.ok(recorded.rows.length > 20);
  for (const { seed, shape, draws } of recorded.rows) {
    const draw = createNoiseSource(seed, shape);
    for (const [number, digits] of draws.entries()) {
      const { data } = draw();
      for (const [i, text] of digits.split(" ").entries()) {
        const units = unitsApart(data[i]!, Number(text));
        const what = `seed ${seed}, shape ${shape}, draw ${number} [${i}]`;
        assert.equal(units, 0, `${what}: ${data[i]} is ${units} units from ${text}`);
      }
    }
  }
});

Deno.test("seededNoise is the first draw", () => {
  assert.deepEqual(seededNoise(3, [2, 3, 5]), createNoiseSource(3, [2, 3, 5])());
});
