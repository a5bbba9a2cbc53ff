/** Copies that count as new images would hide that the model memorised its training set. */
import assert from "node:assert/strict";
import { measureNearCopies } from "./near_copies.ts";

const grey = (value: number) => Uint8Array.of(value, value, value);

Deno.test("measureNearCopies() holds drawn images against the held-out renders of their prompt", () => {
  const shown = [grey(0), grey(102), grey(255)];
  const { prompts, nearer } = measureNearCopies([
    {
      prompt: "a cup",
      shown,
      // The nearest training renders are 51 and 25.5 values away, and the nearer one is the bound.
      heldOut: [grey(51), Uint8Array.of(102, 102, 102 + 44)],
      drawn: [grey(100), grey(50)],
    },
    { prompt: "a key", shown, heldOut: [grey(104)], drawn: [grey(105), grey(150)] },
  ]);
  assert.deepEqual(prompts.map(({ nearer }) => nearer.value), [0.5, 0]);
  assert.deepEqual([nearer.value, nearer.count], [0.25, 4]);
  const [cup] = prompts;
  assert.deepEqual(cup?.nearest, { drawn: 0, shown: 1, distance: 2 / 255 });
  assert.equal(cup?.drawn_distance, 26 / 255);
  assert.ok(Math.abs(cup!.bound - 44 / Math.sqrt(3) / 255) < 1e-9);
});
