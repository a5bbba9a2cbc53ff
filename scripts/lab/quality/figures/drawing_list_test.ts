/** A prompt left out, or drawn twice, costs an hour or a figure. */
import assert from "node:assert/strict";
import type { References } from "../../references/references.ts";
import { drawingsOf, listDrawings } from "./drawing_list.ts";

const prompts = [
  { text: "a red cup", objects: ["cup"], colours: ["red"], relation: null },
  {
    text: "a red cup above a key",
    objects: ["cup", "key"],
    colours: ["red", null],
    relation: "above" as const,
  },
  { text: "a blue key", objects: ["key"], colours: ["blue"], relation: null },
];
const series = (...names: string[]) =>
  names.map((prompt) => ({ prompt, images: [], shown: [], heldOut: [] }));
const references: References = {
  heldOut: [],
  variety: series("a red cup", "a hat"),
  training: { tile: 32, prompts: series("a hat", "a pen") },
};

Deno.test("every prompt is drawn with its seeds, series with 16, each drawing once", () => {
  const list = listDrawings(prompts, references, { seeds: 2, limit: null });
  assert.deepEqual(list.series, ["a red cup", "a hat", "a pen"]);
  const drawings = drawingsOf(list);
  const seedsOf = (prompt: string) =>
    drawings.filter((each) => each.prompt === prompt).map(({ seed }) => seed);
  assert.deepEqual(seedsOf("a blue key"), [0, 1]);
  assert.deepEqual(seedsOf("a red cup above a key"), [0, 1]);
  for (const prompt of list.series) {
    assert.deepEqual(
      seedsOf(prompt).sort((a, b) => a - b),
      Array.from({ length: 16 }, (_, i) => i),
    );
  }
  assert.equal(drawings.length, 4 + 3 * 16);
});

Deno.test("a limit takes the first of each kind", () => {
  const list = listDrawings(prompts, references, { seeds: 1, limit: 1 });
  assert.deepEqual(list.prompts.map(({ text }) => text), ["a red cup", "a red cup above a key"]);
  assert.deepEqual(list.series, ["a red cup"]);
});
