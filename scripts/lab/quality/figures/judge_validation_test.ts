/** A judge that is validated wrongly makes every figure of the report worthless. */
import assert from "node:assert/strict";
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import type { HeldOutRender, ObjectShown } from "../../references/references.ts";
import type { Seen } from "../../scorers/judge/grid_reading.ts";
import type { Scorer } from "../../scorers/scorer.ts";
import { validateJudges } from "./judge_validation.ts";

const NOUNS = ["cup", "key", "hat"];
const image = (red: number): RgbImage => ({
  width: 2,
  height: 2,
  data: new Uint8Array(12).fill(red),
});
const object = (noun: string, colour: string | null, x = 1, y = 1): ObjectShown => ({
  noun,
  colour,
  x,
  y,
});
const render = (red: number, ...objects: ObjectShown[]): HeldOutRender => ({
  image: image(red),
  caption: `caption ${red}`,
  objects,
});
const seen = (noun: string, colour: string, x: number, y = 1): Seen => ({
  noun,
  colour,
  weight: 5,
  x,
  y,
});

/** Answers by the first value of a plain image, and sees little in any other. */
function fakeJudges(answers: Readonly<Record<number, readonly Seen[]>>) {
  const scorerOf = <I, O>(scoreOne: (input: I) => O): Scorer<I, O> => ({
    score: (inputs) => Promise.resolve(inputs.map(scoreOne)),
    release: () => Promise.resolve(),
  });
  const nothing: readonly Seen[] = [{ noun: "none", colour: "red", weight: 0.5, x: 0, y: 0 }];
  return {
    classifier: scorerOf(({ data }: RgbImage) =>
      new Set(data).size === 1 ? answers[data[0]!] ?? nothing : nothing
    ),
    images: scorerOf(({ data }: RgbImage) => Float32Array.of(data[0]!, 1)),
    texts: scorerOf((text: string) => Float32Array.of(Number(text.split(" ")[1]), 1)),
    nouns: NOUNS,
  };
}

Deno.test("validateJudges() holds what the judge says against what the renders show", async () => {
  const heldOut = [
    render(1, object("cup", "red", 4, 5)),
    render(2, object("key", null)),
    render(3, object("hat", "blue")),
    render(4, object("cup", "red", 0), object("key", "blue", 9)),
    render(5, object("cup", null, 0), object("key", "blue", 9)),
  ];
  const { single, pair, false_agreement, retrieval } = await validateJudges(
    fakeJudges({
      1: [seen("cup", "red", 1, 1)],
      2: [seen("key", "natural", 1)],
      3: [seen("cup", "blue", 1)],
      4: [seen("key", "blue", 8), seen("cup", "red", 2)],
      5: [seen("key", "blue", 1), seen("cup", "red", 2)],
    }),
    heldOut,
  );
  assert.deepEqual([single.object.value * 3, single.object.count], [2, 3]);
  assert.deepEqual([single.colour.value, single.colour.count], [1, 2]);
  assert.equal(single.centre_error_pixels.value, 5 / 3);
  assert.deepEqual([pair.both_objects.value, pair.relation_of_both.value], [1, 0.5]);
  assert.equal(pair.both_colours_of_both.value, 1);
  assert.deepEqual([false_agreement.noise.value, false_agreement.noise.count], [0, 330]);
  assert.equal(false_agreement.noise_any_object.value, 0);
  // The hat passes for a cup in half of the draws; the others show their own nouns.
  assert.ok([0, 1 / 3].includes(false_agreement.other_noun.value));
  assert.equal(retrieval.text_to_image.count, 0);
});

Deno.test("a judge that always says cup is found out", async () => {
  const always = { ...fakeJudges({}) };
  const cup = [seen("cup", "red", 1)];
  const classifier = {
    ...always.classifier,
    score: (inputs: readonly RgbImage[]) => Promise.resolve(inputs.map(() => cup)),
  };
  const heldOut = Array.from({ length: 60 }, (_, i) => render(i, object("hat", "red")));
  const { single, false_agreement } = await validateJudges({ ...always, classifier }, heldOut);
  assert.equal(single.object.value, 0);
  // Noise is asked for one of three nouns, a hat for one of the two others.
  assert.ok(Math.abs(false_agreement.noise.value - 1 / 3) < 0.1);
  assert.ok(Math.abs(false_agreement.other_noun.value - 1 / 2) < 0.2);
  assert.equal(false_agreement.noise_any_object.value, 1);
});

Deno.test("mixing the pools keeps every text with its image", async () => {
  const heldOut = Array.from({ length: 200 }, (_, i) => render(i, object("hat", "red")));
  const judges = fakeJudges({});
  const { retrieval, retrieval_mixed } = await validateJudges(judges, heldOut);
  for (const { text_to_image, image_to_text } of [retrieval, retrieval_mixed]) {
    assert.deepEqual([text_to_image.value, text_to_image.count], [1, 200]);
    assert.deepEqual([image_to_text.value, image_to_text.count], [1, 200]);
  }
});
