/**
 * Compares what was asked with what the judge saw, by the rules of
 * `scripts/training/train/evaluation.py`. Pure.
 */
import { type Estimate, shareOfGroups } from "../../statistics/estimate.ts";
import { type Arrangement, relationOf, type Seen } from "../../scorers/judge/grid_reading.ts";

export interface Asked {
  /** One noun or two different ones. */
  readonly objects: readonly string[];
  /** Colour asked of each object; null leaves it open. */
  readonly colours: readonly (string | null)[];
  /** Place of the first object relative to the second. */
  readonly relation: Arrangement | null;
}

/** One image with what it should show and what the judge saw, heaviest object first. */
export interface Judged {
  readonly asked: Asked;
  readonly seen: readonly Seen[];
}

export interface SingleShares {
  readonly object: Estimate;
  /** Share among images whose colour was asked for, even if the object is wrong. */
  readonly colour: Estimate;
}

export interface PairShares {
  readonly both_objects: Estimate;
  /** Share among images with both objects. */
  readonly relation_of_both: Estimate;
  readonly both_colours_of_both: Estimate;
}

export function objectIsRight({ asked, seen }: Judged): boolean {
  return seen[0]?.noun === asked.objects[0];
}

/** Null when no colour was asked for. */
export function colourIsRight({ asked, seen }: Judged): boolean | null {
  const [colour = null] = asked.colours;
  return colour === null ? null : seen[0]?.colour === colour;
}

/** Returns the two objects in the order asked for; null unless both are there. */
function bothObjects({ asked, seen }: Judged): readonly [Seen, Seen] | null {
  const [first, second] = asked.objects.map((noun) => seen.find((each) => each.noun === noun));
  return first && second ? [first, second] : null;
}

function relationIsRight(judged: Judged): boolean {
  const both = bothObjects(judged);
  return both !== null && relationOf(...both) === judged.asked.relation;
}

function bothColoursAreRight(judged: Judged): boolean {
  const { colours } = judged.asked;
  const both = bothObjects(judged);
  return both?.every(({ colour }, i) => colours[i] === null || colours[i] === colour) ?? false;
}

/** Whether everything that was asked for is there. */
export function isRight(judged: Judged): boolean {
  return judged.asked.objects.length === 2
    ? relationIsRight(judged) && bothColoursAreRight(judged)
    : objectIsRight(judged) && colourIsRight(judged) !== false;
}

export function singleShares(judged: readonly Judged[]): SingleShares {
  const withColour = judged.filter((each) => colourIsRight(each) !== null);
  return {
    object: shareOfJudged(judged, objectIsRight),
    colour: shareOfJudged(withColour, (each) => colourIsRight(each) === true),
  };
}

export function pairShares(judged: readonly Judged[]): PairShares {
  const hasBoth = (each: Judged) => bothObjects(each) !== null;
  const withBoth = judged.filter(hasBoth);
  return {
    both_objects: shareOfJudged(judged, hasBoth),
    relation_of_both: shareOfJudged(withBoth, relationIsRight),
    both_colours_of_both: shareOfJudged(withBoth, bothColoursAreRight),
  };
}

/** Returns a share of the images; those of one prompt form a group. */
export function shareOfJudged(
  judged: readonly Judged[],
  isHit: (judged: Judged) => boolean,
): Estimate {
  return shareOfGroups(byPrompt(judged).map((images) => images.map(isHit)));
}

/** Groups images by prompt: images of one prompt share one `asked` object. */
export function byPrompt<T extends Judged>(judged: readonly T[]): T[][] {
  return [...Map.groupBy(judged, ({ asked }) => asked).values()];
}
