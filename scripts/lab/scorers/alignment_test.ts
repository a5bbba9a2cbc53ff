/** The scorers' graphs give scores that a person can compute: fixtures/record_scorers.py. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import type { AlignmentScorer, ImageText } from "./alignment.ts";
import { loadBlipVqa } from "./questions/blip_vqa.ts";
import { askedThing, classifierAnswers } from "./questions/classifier_answers.ts";
import { loadClip } from "./similarity/clip_folder.ts";
import { clipScorers } from "./similarity/clip_score.ts";
import { visualQuestionScorer } from "./questions/visual_questions.ts";

const FIXTURES = join(import.meta.dirname!, "fixtures");

function plain(colour: readonly [number, number, number], width = 8, height = 6): RgbImage {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3]!);
  return { width, height, data };
}

const near = (given: number | undefined, expected: number, by = 1e-5) =>
  assert.ok(Math.abs((given ?? NaN) - expected) < by, `${given} is not ${expected}`);

/** Copies the fixture with some files changed; null leaves the file out. */
async function folderWith(name: string, files: Readonly<Record<string, string | null>>) {
  const folder = await Deno.makeTempDir();
  for (const { name: file } of Deno.readDirSync(join(FIXTURES, name))) {
    if (files[file] !== null) {
      await Deno.copyFile(join(FIXTURES, name, file), join(folder, file));
    }
  }
  for (const [file, text] of Object.entries(files)) {
    if (text !== null) await Deno.writeTextFile(join(folder, file), text);
  }
  return folder;
}

Deno.test("a CLIP folder's scores are raw cosines of its own pixels and tokens", async () => {
  const clip = await loadClip(join(FIXTURES, "tiny_clip"));
  const { alignment, similarity } = clipScorers(clip);
  // (1, 0.2, 0.6) is normalised to (1, -1.2, 0.2): mean 0.5, deviations 0.5, 0.25 and 0.5.
  const image = plain([255, 51, 153]);
  const length = Math.hypot(1, -1.2, 0.2);
  const [red, green, both] = await alignment.score([
    { image, text: "a red car" },
    { image, text: "a green car" },
    { image, text: "red blue" },
  ]);
  near(red, 1 / length);
  near(green, -1.2 / length);
  near(both, 1.2 / length / Math.SQRT2);
  const [same, opposite] = await similarity.score([
    { image, reference: image },
    { image, reference: plain([0, 204, 102]) },
  ]);
  near(same, 1);
  near(opposite, -1);
  await clip.images.release();
  await clip.texts.release();
});

Deno.test("a CLIP folder's images are cut at the centre of the longer side", async () => {
  const clip = await loadClip(join(FIXTURES, "tiny_clip"));
  // The outer quarters of 16x8 are white; the rest is black, except for the resampling's edge.
  const data = new Uint8Array(3 * 16 * 8).map((_, i) => {
    const x = Math.floor(i / 3) % 16;
    return x < 4 || x >= 12 ? 255 : 0;
  });
  const [embedding] = await clip.images.score([{ width: 16, height: 8, data }]);
  assert.ok(embedding![0]! < -0.8, `${embedding}`);
  await clip.images.release();
  await clip.texts.release();
});

Deno.test("a folder without a file, or with one of no use, is refused by the file's name", async () => {
  for (
    const [files, complaint] of [
      [{ "tokenizer.json": null }, /tokenizer\.json must be there/],
      [{ "preprocessor_config.json": "{}" }, /preprocessor_config\.json: size/],
      [{ "vision_model.onnx": null }, /vision_model\.onnx is missing/],
    ] as const
  ) {
    const folder = await folderWith("tiny_clip", files);
    await assert.rejects(
      loadClip(folder),
      (error) => error instanceof RangeError && complaint.test(error.message),
    );
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("BLIP-VQA is the product of p(yes) / (p(yes) + p(no)) over the things asked for", async () => {
  const scorer = visualQuestionScorer(await loadBlipVqa(join(FIXTURES, "tiny_blip")));
  const image = plain([255, 0, 51]);
  const logistic = (logit: number) => 1 / (1 + Math.exp(-logit));
  const [red, redAndBlue, nothing] = await scorer.score([
    { image, text: "a red car" },
    { image, text: "a red car and a blue car" },
    { image, text: "of" },
  ]);
  near(red, logistic(1));
  near(redAndBlue, logistic(1) * logistic(0.2));
  assert.ok(Number.isNaN(nothing));
  await scorer.release();
});

const labels = { objects: ["background", "car", "dog"], colours: ["red", "blue", "natural"] };

function seeing(...seen: readonly (readonly [noun: string, colour: string, weight: number])[]) {
  return classifierAnswers({
    labels,
    side: 8,
    score: (images) =>
      Promise.resolve(
        images.map(() =>
          seen.map(([noun, colour, weight]) => ({ noun, colour, weight, x: 0, y: 0 }))
        ),
      ),
    release: () => Promise.resolve(),
  });
}

async function scoresOf(scorer: AlignmentScorer, ...texts: readonly string[]) {
  const image = plain([0, 0, 0]);
  return await scorer.score(texts.map((text): ImageText => ({ image, text })));
}

Deno.test("the classifier says yes to the heaviest object in its colour, and to others of a cell's mass", async () => {
  const one = visualQuestionScorer(seeing(["car", "red", 0.4], ["dog", "blue", 0.9]));
  assert.deepEqual(
    await scoresOf(one, "a red car", "a blue car", "a striped car", "a blue dog"),
    [1, 0, 1, 0],
  );
  const two = visualQuestionScorer(seeing(["car", "red", 9], ["dog", "blue", 1]));
  assert.deepEqual(
    await scoresOf(two, "a blue dog", "a red car and a blue dog", "a red car and a red dog"),
    [1, 1, 0],
  );
});

Deno.test("the classifier is not asked about what it does not know", () => {
  assert.deepEqual(askedThing("A red car", labels), { noun: "car", colour: "red" });
  assert.throws(() => askedThing("a red dragon", labels), {
    name: "RangeError",
    message: 'The classifier must be asked about one of its 2 objects, given "a red dragon"',
  });
  assert.throws(() => askedThing("a red background", labels), RangeError);
});
