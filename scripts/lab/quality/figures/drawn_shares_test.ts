/** If wrong images are counted, the report hides what the model cannot draw. */
import assert from "node:assert/strict";
import type { Seen } from "../../scorers/judge/grid_reading.ts";
import { type DrawnImage, drawnShares, worstObjects } from "./drawn_shares.ts";

// The withheld colour of noun i is colour (7 i + 3) % 10: colour3 of cup, colour0 of key.
const labels = {
  objects: ["background", "cup", "key"],
  colours: Array.from({ length: 11 }, (_, i) => `colour${i}`),
};

function drawn(asked: string, colour: string, found: string, cosine = 0.5): DrawnImage {
  const seen: Seen = { noun: found, colour, weight: 9, x: 0, y: 0 };
  return { asked: { objects: [asked], colours: [colour], relation: null }, seen: [seen], cosine };
}

Deno.test("withheld colours have a row of their own", () => {
  const pair: DrawnImage = {
    asked: { objects: ["cup", "key"], colours: ["colour3", "colour0"], relation: "left" },
    seen: [],
    cosine: 0.1,
  };
  const shares = drawnShares([
    drawn("cup", "colour3", "cup", 0.6),
    drawn("key", "colour0", "cup", 0.8),
    drawn("key", "colour3", "key", 0.4),
    pair,
  ], labels);
  const counts = [shares.single, shares.withheld, shares.not_withheld].map((
    { object },
  ) => [object.value * object.count, object.count]);
  assert.deepEqual(counts, [[2, 3], [1, 2], [1, 1]]);
  assert.equal(shares.withheld.text_image_cosine.value, 0.7);
  assert.deepEqual([shares.pair.both_objects.value, shares.pair.text_image_cosine.value], [0, 0.1]);
});

Deno.test("worst objects come first, with what they were taken for", () => {
  const worst = worstObjects([
    drawn("cup", "red", "key"),
    drawn("cup", "red", "hat"),
    drawn("cup", "red", "hat"),
    drawn("cup", "red", "cup"),
    drawn("key", "red", "key"),
    drawn("pen", "red", "key"),
    drawn("axe", "red", "axe"),
    drawn("axe", "red", "key"),
  ]);
  assert.deepEqual(worst.map(({ noun, object, taken_for }) => [noun, object.value, taken_for]), [
    ["pen", 0, ["key"]],
    ["cup", 0.25, ["hat", "key"]],
    ["axe", 0.5, ["key"]],
  ]);
});
