/** Turns drawn images into figures: everything except drawing, files and time. */
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { cosine } from "../statistics/distance.ts";
import { boxDownsample } from "../statistics/pixels.ts";
import type { References } from "../references/references.ts";
import type { ClassifierLabels } from "../scorers/judge/grid_reading.ts";
import {
  type DrawingList,
  keyOf,
  type PromptSeed,
  seedsOf,
  SERIES_SEEDS,
} from "./figures/drawing_list.ts";
import { drawnShares } from "./figures/drawn_shares.ts";
import { type Judges, validateJudges } from "./figures/judge_validation.ts";
import { measureNearCopies } from "./figures/near_copies.ts";
import {
  nearCopiesPicture,
  type Picture,
  picturesOfKinds,
  type PromptSeries,
  type ShownImage,
  varietyPicture,
} from "./quality_pictures.ts";
import type { QualityResult } from "./quality_result.ts";
import { type ImageSet, measureVariety } from "./figures/variety.ts";

export interface QualityInputs {
  readonly judges: Judges;
  readonly labels: ClassifierLabels;
  readonly references: References;
  readonly list: DrawingList;
  /** Images by their `keyOf`. */
  readonly images: ReadonlyMap<string, RgbImage>;
}

export type QualityFigures = Pick<QualityResult, "judge" | "drawn" | "variety" | "near_copies">;

export interface QualityMeasurement {
  readonly figures: QualityFigures;
  readonly pictures: readonly Picture[];
}

export async function measureQuality(inputs: QualityInputs): Promise<QualityMeasurement> {
  const { judges, labels, references, list } = inputs;
  const shown = await judgePrompts(inputs);
  const series = list.series.map((prompt) => ({
    prompt,
    drawn: seedsOf(prompt, SERIES_SEEDS).map((drawing) => imageOf(inputs, drawing)),
  }));
  const varied = series.filter(({ prompt }) => references.variety.some((v) => v.prompt === prompt));
  const small = new Map(series.map(({ prompt, drawn }) => [
    prompt,
    drawn.map((image) => boxDownsample(image, references.training.tile)),
  ]));
  const near_copies = nearCopiesOf(small, references);
  return {
    figures: {
      judge: await validateJudges(judges, references.heldOut),
      drawn: drawnShares(shown, labels),
      variety: await varietyOf(varied, inputs),
      near_copies,
    },
    pictures: [
      ...await picturesOfKinds(shown, labels),
      await varietyPicture(varied, references),
      await nearCopiesPicture(near_copies, small, references),
    ],
  };
}

function imageOf({ images }: QualityInputs, drawing: PromptSeed): RgbImage {
  const image = images.get(keyOf(drawing));
  if (image) return image;
  throw new Error(`No image of seed ${drawing.seed} was drawn for one of the prompts`);
}

async function judgePrompts(inputs: QualityInputs): Promise<ShownImage[]> {
  const { judges, list } = inputs;
  const rows = list.prompts.flatMap((asked) =>
    seedsOf(asked.text, list.seeds).map(({ seed }) => ({ asked, text: asked.text, seed }))
  );
  const images = rows.map(({ text, seed }) => imageOf(inputs, { prompt: text, seed }));
  const seen = await judges.classifier.score(images);
  const ofImages = await judges.images.score(images);
  const ofTexts = await judges.texts.score(rows.map(({ text }) => text));
  return rows.map((row, i) => ({
    ...row,
    image: images[i]!,
    seen: seen[i]!,
    cosine: cosine(ofTexts[i]!, ofImages[i]!),
  }));
}

async function varietyOf(
  series: readonly PromptSeries[],
  { judges, references }: QualityInputs,
) {
  const setOf = async (images: readonly RgbImage[]): Promise<ImageSet> => ({
    pixels: images.map(({ data }) => data),
    embeddings: await judges.images.score(images),
  });
  const rows = [];
  for (const { prompt, drawn } of series) {
    const real = references.variety.find((each) => each.prompt === prompt)?.images ?? [];
    rows.push({ prompt, drawn: await setOf(drawn), real: await setOf(real) });
  }
  return measureVariety(rows);
}

function nearCopiesOf(
  small: ReadonlyMap<string, readonly RgbImage[]>,
  { training }: References,
) {
  const valuesOf = (images: readonly RgbImage[]) => images.map(({ data }) => data);
  return measureNearCopies(
    training.prompts.filter(({ prompt }) => small.has(prompt))
      .map(({ prompt, shown, heldOut }) => ({
        prompt,
        drawn: valuesOf(small.get(prompt) ?? []),
        shown: valuesOf(shown),
        heldOut: valuesOf(heldOut),
      })),
  );
}
