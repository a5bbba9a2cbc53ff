/** Goes from images to figures and grids, with judges that read the colours of pixels. */
import assert from "node:assert/strict";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import type { References } from "../references/references.ts";
import type { Seen } from "../scorers/judge/grid_reading.ts";
import { drawingsOf, keyOf, listDrawings } from "./figures/drawing_list.ts";
import { measureQuality } from "./quality_measurement.ts";

const NOUNS = ["cup", "key"];
const COLOURS = ["red", "blue", ...Array.from({ length: 9 }, (_, i) => `other ${i}`)];
const labels = { objects: ["background", ...NOUNS], colours: COLOURS };

/** Makes a 64x64 image whose first pixel is [noun, colour, rest]. */
function image(noun: number, colour: number, rest = 0): RgbImage {
  const data = new Uint8Array(3 * 64 * 64).fill(rest);
  data.set([noun, colour, rest]);
  return { width: 64, height: 64, data };
}

const read = ({ data }: RgbImage): readonly Seen[] => {
  const [noun = 0, colour = 0] = data;
  return [{ noun: NOUNS[noun] ?? "hat", colour: COLOURS[colour] ?? "red", weight: 9, x: 1, y: 2 }];
};
const all = <I, O>(scoreOne: (input: I) => O) => ({
  score: (inputs: readonly I[]) => Promise.resolve(inputs.map(scoreOne)),
  release: () => Promise.resolve(),
});
const judges = {
  classifier: all(read),
  images: all(({ data }: RgbImage) => Float32Array.of(1, data[2]! / 255)),
  texts: all((_: string) => Float32Array.of(1, 0)),
  nouns: NOUNS,
};

const prompts = [
  { text: "a red cup", objects: ["cup"], colours: ["red"], relation: null },
  { text: "a blue key", objects: ["key"], colours: ["blue"], relation: null },
];
const references: References = {
  heldOut: [{
    image: image(0, 0),
    caption: "a red cup",
    objects: [{ noun: "cup", colour: "red", x: 1, y: 2 }],
  }],
  variety: [{
    prompt: "a red cup",
    images: Array.from({ length: 16 }, (_, i) => image(0, 0, 10 * i)),
  }],
  training: {
    tile: 32,
    prompts: [{
      prompt: "a red cup",
      shown: [small(0), small(200)],
      heldOut: [small(48), small(100), small(150)],
    }],
  },
};

function small(value: number): RgbImage {
  return { width: 32, height: 32, data: new Uint8Array(3 * 32 * 32).fill(value) };
}

Deno.test("measureQuality() judges each image by its own prompt and compares series with renders", async () => {
  const list = listDrawings(prompts, references, { seeds: 2, limit: null });
  // Cups come out as asked for, keys as blue cups; seeds differ half as much as the real renders.
  const drawn = drawingsOf(list).map((drawing) =>
    [keyOf(drawing), image(0, drawing.prompt === "a red cup" ? 0 : 1, 5 * drawing.seed)] as const
  );
  const { figures, pictures } = await measureQuality({
    judges,
    labels,
    references,
    list,
    images: new Map(drawn),
  });
  const { judge, drawn: shares, variety, near_copies } = figures;
  assert.equal(judge.single.object.value, 1);
  assert.deepEqual([shares.single.object.value, shares.single.object.count], [0.5, 4]);
  assert.equal(shares.single.colour.value, 1);
  assert.deepEqual(shares.worst_objects.map(({ noun }) => noun), ["key"]);
  assert.ok(Math.abs(variety.pixel_ratio.value - 0.5) < 1e-3);
  // Seeds 0 to 9, up to 45 values away from the black training render, are below its bound of 48.
  const { nearer, prompts: [cup] } = near_copies;
  assert.deepEqual([nearer.value * nearer.count, nearer.count], [10, 16]);
  assert.equal(cup?.nearest.shown, 0);
  assert.deepEqual(pictures.map(({ file }) => file), [
    "singles.webp",
    "variety.webp",
    "near_copies.webp",
  ]);
  for (const { image } of pictures) {
    assert.equal(new TextDecoder().decode(image.slice(8, 12)), "WEBP");
  }
});
