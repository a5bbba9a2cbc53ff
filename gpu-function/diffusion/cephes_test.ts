/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { log32, sineCosine32 } from "./cephes.ts";

/** The spacing of float32 numbers at a value. */
const unitAt = (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);

Deno.test("log32 is the logarithm of a fraction of 2^24 to a unit in the last place", () => {
  for (let k = 1; k < 2 ** 24; k += 99_991) {
    const x = k / 2 ** 24;
    const error = Math.abs(log32(x) - Math.log(x)) / unitAt(Math.log(x));
    assert.ok(error < 1, `log(${x}) is off by ${error} units`);
  }
  assert.equal(log32(1), 0);
});

Deno.test("sineCosine32 keeps each octant's sign and size over the circle", () => {
  for (let i = 0; i < 5000; i++) {
    const theta = Math.fround(i / 5000 * 2 * Math.PI);
    const { sine, cosine } = sineCosine32(theta);
    // Near a zero the argument's own rounding decides, so the error is seen beside 1.
    assert.ok(Math.abs(sine - Math.sin(theta)) < 1.2e-7, `sin ${theta}: ${sine}`);
    assert.ok(Math.abs(cosine - Math.cos(theta)) < 1.2e-7, `cos ${theta}: ${cosine}`);
  }
});
