/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import {
  fractionalTimesteps,
  solverTimesteps,
  type TimestepOptions,
  timesteps,
} from "./timesteps.ts";

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

Deno.test("fractionalTimesteps keeps the fractions of linspace alone", () => {
  assert.deepEqual(fractionalTimesteps(5, options("linspace")), [999, 749.25, 499.5, 249.75, 0]);
  assert.deepEqual(timesteps(5, options("linspace")), [999, 749, 500, 250, 0]);
  assert.deepEqual(fractionalTimesteps(3, options("trailing")), timesteps(3, options("trailing")));
});

Deno.test("solverTimesteps leaves out the last of one point more, but for trailing", () => {
  assert.deepEqual(solverTimesteps(3, options("linspace")), [999, 666, 333]);
  assert.deepEqual(solverTimesteps(3, options("leading", 1)), [751, 501, 251]);
  assert.deepEqual(solverTimesteps(3, options("trailing")), [999, 666, 332]);
});

Deno.test("timesteps of trailing spacing are as many as asked for, where diffusers' slip", () => {
  for (const count of [61, 103, 121, 122]) {
    const values = timesteps(count, options("trailing"));
    assert.equal(values.length, count);
    assert.ok(values.at(-1)! >= 0);
  }
});
