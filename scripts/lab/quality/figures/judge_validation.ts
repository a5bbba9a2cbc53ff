/** Measures the scorers on real renders, before they measure anything else. */
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import { type Estimate, meanOf, shareOf } from "../../statistics/estimate.ts";
import type { HeldOutRender } from "../../references/references.ts";
import { relationOf, type Seen } from "../../scorers/judge/grid_reading.ts";
import type { Scorer } from "../../scorers/scorer.ts";
import { seededDraws } from "../../statistics/seeded_draws.ts";
import {
  type Asked,
  type Judged,
  objectIsRight,
  type PairShares,
  pairShares,
  type SingleShares,
  singleShares,
} from "./agreement.ts";
import { recallAtOne, type Retrieval } from "./retrieval.ts";
import { noiseImages, plainImages } from "./unrelated_images.ts";

export interface JudgeValidation {
  readonly single: SingleShares & { readonly centre_error_pixels: Estimate };
  readonly pair: PairShares;
  readonly false_agreement: FalseAgreement;
  /** Recall in pools in the order of the references: singles among singles, pairs among pairs. */
  readonly retrieval: Retrieval;
  /** Recall in mixed pools, which are easier: a pair's text fits no single. */
  readonly retrieval_mixed: Retrieval;
}

/** Counts how often the judge says yes where no is right, by the rule for drawn images. */
export interface FalseAgreement {
  /** Share of noise images taken for a noun asked for at random. */
  readonly noise: Estimate;
  readonly plain: Estimate;
  /** Share of real renders taken for a random noun that they do not show. */
  readonly other_noun: Estimate;
  /** Share of noise images said to show any object: one cell's worth of it or more. */
  readonly noise_any_object: Estimate;
  readonly plain_any_object: Estimate;
}

export interface Judges {
  readonly classifier: Scorer<RgbImage, readonly Seen[]>;
  readonly images: Scorer<RgbImage, Float32Array>;
  readonly texts: Scorer<string, Float32Array>;
  /** Nouns that the classifier knows. */
  readonly nouns: readonly string[];
}

const UNRELATED = 330;
const ASKED_SEED = 7;
const MIXING_SEED = 8;

export async function validateJudges(
  judges: Judges,
  heldOut: readonly HeldOutRender[],
): Promise<JudgeValidation> {
  const images = heldOut.map(({ image }) => image);
  const seen = await judges.classifier.score(images);
  const rows = heldOut.map((render, i) => ({ render, asked: askedOf(render), seen: seen[i]! }));
  const singles = rows.filter(({ asked }) => asked.objects.length === 1);
  const texts = heldOut.map(({ caption }) => caption);
  return {
    single: {
      ...singleShares(singles),
      centre_error_pixels: meanOf(
        singles.map(({ render, seen }) => centreError(render.objects[0]!, seen[0]!)),
      ),
    },
    pair: pairShares(rows.filter(({ asked }) => asked.objects.length === 2)),
    false_agreement: await falseAgreement(judges, singles),
    ...retrievals(await judges.texts.score(texts), await judges.images.score(images)),
  };
}

function retrievals(texts: readonly Float32Array[], images: readonly Float32Array[]) {
  const order = seededDraws(MIXING_SEED).shuffled(texts.map((_, i) => i));
  const mixed = [texts, images].map((all) => order.map((i) => all[i]!));
  return {
    retrieval: recallAtOne(texts, images),
    retrieval_mixed: recallAtOne(mixed[0]!, mixed[1]!),
  };
}

function askedOf({ objects }: HeldOutRender): Asked {
  const [first, second] = objects;
  return {
    objects: objects.map(({ noun }) => noun),
    // A null colour is the drawing's own; such a render is not counted among the colours.
    colours: objects.map(({ colour }) => colour),
    relation: first && second ? relationOf(first, second) : null,
  };
}

function centreError(real: { x: number; y: number }, found: Seen): number {
  return Math.hypot(real.x - found.x, real.y - found.y);
}

async function falseAgreement(
  { classifier, nouns }: Judges,
  singles: readonly (Judged & { readonly render: HeldOutRender })[],
): Promise<FalseAgreement> {
  const side = singles[0]?.render.image.width ?? 0;
  const draws = seededDraws(ASKED_SEED);
  const anyNoun = () => nouns[draws.below(nouns.length)]!;
  const asking = (noun: string): Asked => ({ objects: [noun], colours: [null], relation: null });
  const onNothing = async (images: readonly RgbImage[]) => {
    const found = await classifier.score(images);
    return {
      asked: shareOf(found.map((seen) => objectIsRight({ asked: asking(anyNoun()), seen }))),
      any: shareOf(found.map(([first]) => (first?.weight ?? 0) >= 1)),
    };
  };
  const otherNoun = (own: string): string => {
    const noun = anyNoun();
    return noun === own ? otherNoun(own) : noun;
  };
  const noise = await onNothing(noiseImages(UNRELATED, side));
  const plain = await onNothing(plainImages(UNRELATED, side));
  const others = singles.map(({ asked, seen }) =>
    objectIsRight({ asked: asking(otherNoun(asked.objects[0]!)), seen })
  );
  return {
    noise: noise.asked,
    plain: plain.asked,
    other_noun: shareOf(others),
    noise_any_object: noise.any,
    plain_any_object: plain.any,
  };
}
