/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { type TimestepOptions, timesteps } from "./timesteps.ts";

const options = (timestep_spacing: TimestepOptions["timestep_spacing"], steps_offset = 0) => ({
  num_train_timesteps: 1000,
  timestep_spacing,
  steps_offset,
});

// Lin et al. 2023, table 2 (0-based here), for 10 steps.
const TABLE = [
  ["leading", [900, 800, 700, 600, 500, 400, 300, 200, 100, 0]],
  ["trailing", [999, 899, 799, 699, 599, 499, 399, 299, 199, 99]],
  ["linspace", [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]],
] as const;

for (const [spacing, expected] of TABLE) {
  Deno.test(`timesteps of ${spacing} spacing equal the published table`, () => {
    assert.deepEqual(timesteps(10, options(spacing)), expected);
  });
}

Deno.test("timesteps of leading spacing are shifted by steps_offset", () => {
  assert.deepEqual(timesteps(4, options("leading", 1)), [751, 501, 251, 1]);
});

Deno.test("timesteps round halves to even, as numpy does", () => {
  const four = { ...options("trailing"), num_train_timesteps: 10 };
  assert.deepEqual(timesteps(4, four), [9, 7, 4, 1]); // 10, 7.5 -> 8, 5, 2.5 -> 2
});

Deno.test("timesteps refuse more steps than the training schedule has", () => {
  const sentence = /num_inference_steps must be from 1 to .*1000.*, given/;
  assert.throws(() => timesteps(1001, options("trailing")), sentence);
  assert.throws(() => timesteps(1000, options("leading", 1)), sentence);
  assert.throws(() => timesteps(0, options("leading")), sentence);
});
