/** Counts what the drawn images show, by kind of prompt. Pure. */
import { average, type Estimate, meanOf } from "../../statistics/estimate.ts";
import type { ClassifierLabels } from "../../scorers/judge/grid_reading.ts";
import {
  byPrompt,
  type Judged,
  objectIsRight,
  type PairShares,
  pairShares,
  shareOfJudged,
  type SingleShares,
  singleShares,
} from "./agreement.ts";
import { withheldColour } from "./withheld_colour.ts";

export interface DrawnImage extends Judged {
  /** Similarity of the prompt's and the image's embeddings. */
  readonly cosine: number;
}

interface Cosine {
  /** Mean over prompts, each the mean over its images. */
  readonly text_image_cosine: Estimate;
}

export interface DrawnShares {
  readonly single: SingleShares & Cosine;
  /** Single objects in the one colour that the denoiser never saw on them. */
  readonly withheld: SingleShares & Cosine;
  readonly not_withheld: SingleShares & Cosine;
  readonly pair: PairShares & Cosine;
  readonly worst_objects: readonly ObjectShare[];
}

export interface ObjectShare {
  readonly noun: string;
  readonly object: Estimate;
  /** Nouns that the judge saw instead, most often first. */
  readonly taken_for: readonly string[];
}

export function drawnShares(
  images: readonly DrawnImage[],
  labels: ClassifierLabels,
): DrawnShares {
  const singles = images.filter(({ asked }) => asked.objects.length === 1);
  const pairs = images.filter(({ asked }) => asked.objects.length === 2);
  const { withheld = [], seen = [] } = Object.groupBy(
    singles,
    ({ asked }) => isWithheld(asked, labels) ? "withheld" : "seen",
  );
  return {
    single: { ...singleShares(singles), ...cosineOf(singles) },
    withheld: { ...singleShares(withheld), ...cosineOf(withheld) },
    not_withheld: { ...singleShares(seen), ...cosineOf(seen) },
    pair: { ...pairShares(pairs), ...cosineOf(pairs) },
    worst_objects: worstObjects(singles),
  };
}

/** Whether a prompt for one object asks for the colour withheld from the denoiser. */
export function isWithheld(
  { objects, colours }: Pick<Judged["asked"], "objects" | "colours">,
  labels: ClassifierLabels,
): boolean {
  const [noun = ""] = objects;
  const colour = withheldColour(labels, noun);
  return colour !== null && colours[0] === colour;
}

/** Returns objects that are sometimes wrong, worst first, then by name. */
export function worstObjects(singles: readonly Judged[]): ObjectShare[] {
  const byNoun = Map.groupBy(singles, ({ asked }) => asked.objects[0] ?? "");
  return [...byNoun].map(([noun, rows]) => ({
    noun,
    object: shareOfJudged(rows, objectIsRight),
    taken_for: mostOften(
      rows.filter((row) => !objectIsRight(row)).map(({ seen }) => seen[0]?.noun ?? "nothing"),
    ),
  })).filter(({ object }) => object.value < 1)
    .sort((a, b) => a.object.value - b.object.value || a.noun.localeCompare(b.noun));
}

function mostOften(names: readonly string[]): string[] {
  const groups = [...Map.groupBy(names, (name) => name)];
  return groups.sort(([a, x], [b, y]) => y.length - x.length || a.localeCompare(b))
    .map(([name]) => name);
}

function cosineOf(images: readonly DrawnImage[]): Cosine {
  const ofPrompts = byPrompt(images).map((own) => average(own.map(({ cosine }) => cosine)));
  return { text_image_cosine: meanOf(ofPrompts) };
}
