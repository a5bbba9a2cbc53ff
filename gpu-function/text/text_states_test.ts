// Broken here: a state comes from another position or prompt than the plan says.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import type { StateSource } from "../../contract/mod.ts";
import { assembleStates, type TextStates } from "./text_states.ts";

const states = (...values: number[]): TextStates => ({
  data: Float32Array.from(values),
  positions: 4,
  width: 2,
});
const a = states(1, 2, 3, 4, 5, 6, 7, 8);
const b = states(-1, -2, -3, -4, -5, -6, -7, -8);
const noise = Float32Array.of(10, 20, 30, 40, 50, 60, 70, 80);
const supply = { prompt: a, eos_swap: b, noise };
const own = (position: number): StateSource => ({ from: "prompt", position });
const other = (position: number): StateSource => ({ from: "eos_swap", position });

Deno.test("assembleStates takes whole rows of either prompt, and leaves both as they were", () => {
  const taken = assembleStates([own(0), own(0), other(1), other(3)], supply);
  assert.deepEqual(taken, states(1, 2, 1, 2, -3, -4, -7, -8));
  assert.deepEqual(a, states(1, 2, 3, 4, 5, 6, 7, 8));
});

Deno.test("assembleStates of a prompt's own states changes nothing", () => {
  assert.deepEqual(assembleStates([0, 1, 2, 3].map(own), supply), a);
});

Deno.test("assembleStates puts zeros, and the noise of the very position", () => {
  const taken = assembleStates([{ from: "zeros" }, own(1), { from: "noise" }, own(3)], supply);
  assert.deepEqual(taken, states(0, 0, 3, 4, 50, 60, 7, 8));
});

Deno.test("assembleStates keeps the prompt's mask", () => {
  const prompt = { ...a, mask: [1, 1, 0, 0] };
  const taken = assembleStates([own(0), { from: "zeros" }, own(2), own(3)], { ...supply, prompt });
  assert.deepEqual(taken.mask, [1, 1, 0, 0]);
});

Deno.test("assembleStates refuses states and sources of different length", () => {
  const short = { data: b.data.subarray(0, 6), positions: 3, width: 2 };
  const sources = [own(0), own(1), other(2), own(3)];
  assert.throws(() => assembleStates(sources, { ...supply, eos_swap: short }), /4x2 and 3x2/);
  assert.throws(() => assembleStates([own(0)], supply), /4 text states need .* given 1/);
  assert.throws(() => assembleStates(sources.with(3, own(4)), supply), /from 0 to 3, given 4/);
  assert.throws(() => assembleStates(sources, { ...supply, eos_swap: null }), /no second prompt/);
});

Deno.test("assembleStates refuses [EOS] of masked states: no encoder sums words up there", () => {
  const masked = { ...a, mask: [1, 1, 0, 0] };
  const sources = [own(0), own(1), other(2), own(3)];
  assert.throws(
    () => assembleStates(sources, { ...supply, prompt: masked }),
    /attention mask have no \[EOS\]/,
  );
});
