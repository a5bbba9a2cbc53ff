/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { transplantEos } from "./eos_transplant.ts";

const states = (...values: number[]) => ({
  data: Float32Array.from(values),
  positions: 4,
  width: 2,
});
const a = states(1, 2, 3, 4, 5, 6, 7, 8);
const b = states(-1, -2, -3, -4, -5, -6, -7, -8);

Deno.test("transplantEos takes whole rows of B where a source is given and keeps A elsewhere", () => {
  const swapped = transplantEos(a, b, [null, null, 1, 3]);
  assert.deepEqual(swapped, states(1, 2, 3, 4, -3, -4, -7, -8));
  assert.deepEqual(a, states(1, 2, 3, 4, 5, 6, 7, 8));
});

Deno.test("transplantEos of a prompt into itself changes nothing", () => {
  assert.deepEqual(transplantEos(a, a, [null, null, 2, 3]), a);
});

Deno.test("transplantEos refuses states and sources of different length", () => {
  const short = { data: b.data.subarray(0, 6), positions: 3, width: 2 };
  assert.throws(() => transplantEos(a, short, [null, null, 2, 2]), /4x2, 3x2 and 4 sources/);
  assert.throws(() => transplantEos(a, b, [null]), /and 1 sources/);
  assert.throws(() => transplantEos(a, b, [null, null, null, 4]), /from 0 to 3, given 4/);
});

Deno.test("transplantEos refuses states whose padding is masked: no encoder sums words up there", () => {
  const masked = { ...a, mask: [1, 1, 0, 0] };
  assert.throws(
    () => transplantEos(masked, b, [null, null, 1, 3]),
    /attention mask have no \[EOS\]/,
  );
});
