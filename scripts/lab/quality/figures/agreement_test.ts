/** Every share in the report counts by these few rules. */
import assert from "node:assert/strict";
import type { Seen } from "../../scorers/judge/grid_reading.ts";
import {
  type Asked,
  colourIsRight,
  isRight,
  objectIsRight,
  pairShares,
  singleShares,
} from "./agreement.ts";

const seen = (noun: string, colour: string, x = 0, y = 0): Seen => ({
  noun,
  colour,
  weight: 9,
  x,
  y,
});
const cup: Asked = { objects: ["cup"], colours: ["red"], relation: null };
const pair: Asked = { objects: ["cup", "key"], colours: ["red", "blue"], relation: "left" };

Deno.test("of one object, only the heaviest counts", () => {
  const right = { asked: cup, seen: [seen("cup", "red"), seen("key", "blue")] };
  const second = { asked: cup, seen: [seen("key", "red"), seen("cup", "red")] };
  assert.deepEqual([objectIsRight(right), objectIsRight(second)], [true, false]);
  assert.deepEqual([isRight(right), isRight(second)], [true, false]);
  assert.equal(objectIsRight({ asked: cup, seen: [] }), false);
});

Deno.test("a colour counts by itself, and only where one was asked for", () => {
  const wrongObject = { asked: cup, seen: [seen("key", "red")] };
  const natural = { asked: { ...cup, colours: [null] }, seen: [seen("cup", "blue")] };
  assert.equal(colourIsRight(wrongObject), true);
  assert.equal(colourIsRight(natural), null);
  assert.equal(isRight(natural), true);
  const { object, colour } = singleShares([wrongObject, natural]);
  assert.deepEqual([object.value, object.count], [0.5, 2]);
  assert.deepEqual([colour.value, colour.count], [1, 1]);
});

Deno.test("two objects may be found in any order, relation and colours follow the asking", () => {
  // The key is heavier, and right of the cup.
  const right = { asked: pair, seen: [seen("key", "blue", 90), seen("cup", "red", 30)] };
  const swappedColours = { asked: pair, seen: [seen("cup", "blue", 30), seen("key", "red", 90)] };
  const swappedPlaces = { asked: pair, seen: [seen("cup", "red", 90), seen("key", "blue", 30)] };
  const oneMissing = { asked: pair, seen: [seen("cup", "red", 30), seen("hat", "blue", 90)] };
  const images = [right, swappedColours, swappedPlaces, oneMissing];
  assert.deepEqual(images.map(isRight), [true, false, false, false]);
  const shares = pairShares(images);
  assert.deepEqual([shares.both_objects.value, shares.both_objects.count], [0.75, 4]);
  const ofBoth = [shares.relation_of_both, shares.both_colours_of_both];
  assert.deepEqual(ofBoth.map(({ value, count }) => [value * 3, count]), [[2, 3], [2, 3]]);
});

Deno.test("images of one prompt are a group, so that those alike say less than others would", () => {
  const found = ["cup", "cup", "cup", "key", "key"].map((noun) => [seen(noun, "red")]);
  const objectOf = (prompts: readonly Asked[]) =>
    singleShares(found.map((each, i) => ({ asked: prompts[i]!, seen: each }))).object;
  const another = { ...cup };
  const together = objectOf([cup, cup, cup, another, another]);
  const apart = objectOf(found.map(() => ({ ...cup })));
  assert.deepEqual([together.value, together.count], [0.6, 5]);
  assert.ok(together.low < apart.low && together.high > apart.high);
});

Deno.test("a pair in a colour left open agrees with any", () => {
  const asked = { ...pair, colours: [null, "blue"] };
  const image = { asked, seen: [seen("cup", "pink", 30), seen("key", "blue", 90)] };
  assert.equal(pairShares([image]).both_colours_of_both.value, 1);
});
