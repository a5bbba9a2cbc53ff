import assert from "node:assert/strict";
import { decodeTokenMaps, encodeTokenMaps } from "./token_maps.ts";

const ramp = (width: number, height: number, max: number) => ({
  width,
  height,
  data: Float32Array.from({ length: width * height }, (_, i) => max * i / (width * height - 1)),
});

Deno.test("maps come back to within half a byte of their own greatest value", () => {
  const maps = [ramp(4, 2, 0.5), ramp(4, 2, 0.001), {
    ...ramp(4, 2, 1),
    data: new Float32Array(8),
  }];
  const encoded = encodeTokenMaps(maps, [1, 5, 6]);
  assert.deepEqual(encoded.tokens.map(({ position }) => position), [1, 5, 6]);
  const decoded = decodeTokenMaps(encoded);
  for (const [i, { width, height, data }] of decoded.entries()) {
    assert.deepEqual([width, height], [4, 2]);
    const max = Math.max(...maps[i]!.data);
    for (const [j, value] of data.entries()) {
      assert.ok(Math.abs(value - maps[i]!.data[j]!) <= 0.501 * max / 255);
    }
  }
});

Deno.test("large maps, and many, come on a coarser grid", () => {
  const sides = (width: number, height: number, count: number) => {
    const encoded = encodeTokenMaps(new Array(count).fill(ramp(width, height, 1)), []);
    assert.ok(
      encoded.tokens.every(({ data }) =>
        Uint8Array.fromBase64(data).length === encoded.width * encoded.height
      ),
    );
    return [encoded.width, encoded.height];
  };
  assert.deepEqual(sides(64, 32, 3), [32, 16]);
  assert.deepEqual(sides(128, 96, 3), [32, 24]);
  assert.deepEqual(sides(32, 32, 75), [32, 32]);
  assert.deepEqual(sides(64, 64, 300), [16, 16]);
  assert.deepEqual(sides(66, 34, 1), [33, 17]);
  assert.deepEqual(encodeTokenMaps([], []), { width: 0, height: 0, tokens: [] });
});
