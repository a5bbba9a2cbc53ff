/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { createMt19937 } from "./mt19937.ts";
import { seededNoise } from "./noise.ts";
// Recorded by fixtures/record.py.
import recorded from "./fixtures/torch_noise.json" with { type: "json" };

Deno.test("mt19937 gives the published 10,000th number of seed 5489", () => {
  const random = createMt19937(5489);
  for (let i = 1; i < 10_000; i++) random();
  assert.equal(random(), 4_123_659_995);
});

Deno.test("seededNoise equals torch.randn, below 16 values, in blocks and past them", () => {
  assert.ok(recorded.rows.length > 20);
  for (const { seed, shape, values } of recorded.rows) {
    const { data } = seededNoise(seed, shape);
    for (const [i, expected] of values.entries()) {
      // torch's vectorised log and cos are off by a few units in the last place of values up to 5.
      const error = Math.abs(data[i]! - expected);
      assert.ok(error < 2e-6, `seed ${seed}, shape ${shape}, [${i}]: ${data[i]} vs ${expected}`);
    }
  }
});
