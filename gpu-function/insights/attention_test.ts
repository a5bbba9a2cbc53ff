// Heads, places and tokens are distinguished, and layers of unequal resolution weighed as documented.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import { createLatents } from "../diffusion/mod.ts";
import { averageAttention } from "./attention.ts";
import { sumByClass } from "./class_shares.ts";

const LATENTS = { width: 4, height: 2 };

/** [heads, places, tokens] from a rule. */
function layer(
  [heads, places, tokens]: readonly [number, number, number],
  weight: (head: number, place: number, token: number) => number,
) {
  const data = Float32Array.from(
    { length: heads * places * tokens },
    (_, i) =>
      weight(
        Math.floor(i / (places * tokens)),
        Math.floor(i / tokens) % places,
        i % tokens,
      ),
  );
  return createLatents(data, [heads, places, tokens]);
}

Deno.test("a map is the mean over heads, place by place", () => {
  // Token 1 gets place / 8 from head 0 and nothing from head 1.
  const one = layer(
    [2, 8, 3],
    (head, place, token) => token === 1 ? (head === 0 ? place / 8 : 0) : 0.5,
  );
  const { maps } = averageAttention([one], {
    latents: LATENTS,
    positions: [1],
  });
  assert.deepEqual(maps, [{
    width: 4,
    height: 2,
    data: Float32Array.from({ length: 8 }, (_, place) => place / 16),
  }]);
});

Deno.test("maps come in the order of the asked positions", () => {
  const one = layer([1, 8, 3], (_, __, token) => token / 3);
  const { maps } = averageAttention([one], {
    latents: LATENTS,
    positions: [2, 0],
  });
  assert.deepEqual(maps.map(({ data }) => data[0]), [Math.fround(2 / 3), 0]);
});

Deno.test("a coarser layer is enlarged and counts as much as a finer one", () => {
  const fine = layer([1, 8, 2], (_, __, token) => token === 0 ? 1 : 0);
  // Two places: all of the left one looks at token 1, all of the right one at token 0.
  const coarse = layer([2, 2, 2], (_, place, token) => place === token ? 0 : 1);
  const { maps, shares } = averageAttention([fine, coarse], {
    latents: LATENTS,
    positions: [1],
  });
  const row = [0.5, 0.375, 0.125, 0];
  assert.deepEqual(maps[0], {
    width: 4,
    height: 2,
    data: Float32Array.of(...row, ...row),
  });
  assert.deepEqual(shares, [0.75, 0.25]);
});

Deno.test("the grid is that of the finest layer, which may be coarser than the latents", () => {
  const coarse = layer([1, 2, 1], (_, place) => place);
  const { maps } = averageAttention([coarse, coarse], {
    latents: LATENTS,
    positions: [0],
  });
  assert.deepEqual(maps[0], {
    width: 2,
    height: 1,
    data: Float32Array.of(0, 1),
  });
});

Deno.test("shares sum to 1 over tokens and over classes, whatever the layers", () => {
  const softmax = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), {
    minLength: 5,
    maxLength: 5,
  });
  const layers = fc.array(
    fc.tuple(fc.constantFrom(2, 8), fc.integer({ min: 1, max: 3 })),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(layers, fc.array(softmax, { minLength: 72, maxLength: 72 }), (
      shapes,
      logits,
    ) => {
      let row = 0;
      const made = shapes.map(([places, heads]) => {
        const rows = Array.from(
          { length: heads * places },
          () => logits[row++ % logits.length]!,
        );
        return layer([heads, places, 5], (head, place, token) => {
          const scores = rows[head * places + place]!.map(Math.exp);
          return scores[token]! / scores.reduce((a, b) => a + b);
        });
      });
      const { shares } = averageAttention(made, {
        latents: LATENTS,
        positions: [],
      });
      const { sos, semantic, eos } = sumByClass(
        shares,
        ["sos", "semantic", "semantic", "eos", "padding"],
      );
      assert.ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-6);
      assert.ok(Math.abs(sos + semantic + eos - 1) < 1e-6);
    }),
  );
});

Deno.test("padding counts as [EOS], as in the paper", () => {
  const shares = [0.5, 0.25, 0.125, 0.0625, 0.0625];
  const classes = ["sos", "semantic", "eos", "padding", "padding"] as const;
  assert.deepEqual(sumByClass(shares, classes), {
    sos: 0.5,
    semantic: 0.25,
    eos: 0.25,
  });
  assert.throws(
    () => sumByClass(shares, ["sos"]),
    /5 shares cannot have 1 classes/,
  );
});

Deno.test("a layer that does not fit the latents is refused", () => {
  for (const places of [3, 1, 16]) {
    const wrong = layer([1, places, 2], () => 0.5);
    assert.throws(
      () => averageAttention([wrong], { latents: LATENTS, positions: [] }),
      new RegExp(`each block of the 4x2 latents, given \\[1, ${places}, 2\\]`),
    );
  }
  assert.throws(
    () => averageAttention([], { latents: LATENTS, positions: [] }),
    /at least one layer/,
  );
});
