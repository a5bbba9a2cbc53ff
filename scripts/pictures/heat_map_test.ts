import assert from "node:assert/strict";
import { overlayHeatMap } from "./heat_map.ts";

const map = { width: 3, height: 1, data: Float32Array.of(5, 5.5, 6) };
const image = (value: number) => ({
  width: 3,
  height: 2,
  data: new Uint8Array(18).fill(value),
});
const pixel = ({ data }: { data: Uint8Array }, i: number) => [...data.subarray(3 * i, 3 * i + 3)];

Deno.test("the least value of a map is nearly black, the greatest light yellow, in between red", () => {
  const { width, height, data } = overlayHeatMap(image(0), map);
  assert.deepEqual([width, height, data.length], [3, 2, 18]);
  const [least, middle, greatest] = [0, 1, 2].map((i) => pixel({ data }, i));
  assert.ok(Math.max(...least!) <= 3);
  // Inferno ends at #fcffa4.
  assert.deepEqual(greatest, [0xfc, 0xff, 0xa4].map((value) => Math.round(0.65 * value)));
  assert.ok(middle![0]! > 2 * middle![1]! && middle![0]! > 2 * middle![2]!, `${middle}`);
  assert.deepEqual(pixel({ data }, 3), least);
});

Deno.test("colours grow lighter all the way", () => {
  const ramp = { width: 64, height: 1, data: Float32Array.from({ length: 64 }, (_, i) => i) };
  const { data } = overlayHeatMap({ ...ramp, data: new Uint8Array(192) }, ramp);
  const lightness = Array.from({ length: 64 }, (_, i) => {
    const [r = 0, g = 0, b = 0] = pixel({ data }, i);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  });
  for (let i = 1; i < 64; i++) assert.ok(lightness[i]! >= lightness[i - 1]!, `${i}`);
});

Deno.test("the image shows through, and stays as it was", () => {
  const white = image(255);
  const overlay = overlayHeatMap(white, map);
  assert.ok(pixel(overlay, 0).every((value) => value >= 0.35 * 255 - 1 && value < 100));
  assert.deepEqual(white, image(255));
});
