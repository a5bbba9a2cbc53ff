/** A question about half a thing, or about a side of the picture, would score something else. */
import assert from "node:assert/strict";
import { nounChunks } from "./noun_chunks.ts";

const CHUNKS: readonly (readonly [string, readonly string[]])[] = [
  ["a blue bird", ["a blue bird"]],
  ["blue grapes", ["blue grapes"]],
  ["a woven chair", ["a woven chair"]],
  ["a red car to the left of a blue dog", ["a red car", "a blue dog"]],
  ["The square coaster was next to the circular mug.", ["The square coaster", "the circular mug"]],
  ["the fluffy cat on top of the smooth table", ["the fluffy cat", "the smooth table"]],
  ["", []],
];

for (const [text, chunks] of CHUNKS) {
  Deno.test(`nounChunks(${JSON.stringify(text)}) keeps each thing with its attributes`, () => {
    assert.deepEqual(nounChunks(text), chunks);
  });
}

Deno.test("nounChunks() asks about no more than eight things", () => {
  const things = ["car", "dog", "cat", "bird", "cup", "hat", "bed", "book", "door", "lamp"];
  const text = things.map((thing) => `a red ${thing}`).join(" and ");
  assert.deepEqual(nounChunks(text), things.slice(0, 8).map((thing) => `a red ${thing}`));
});
