/**
 * Most experiments are one grid: every subject (a prompt, a pair) under every condition with every
 * seed. Subjects are drawn and scored one after the other, so that memory holds only one's images.
 */
import { SingleBar } from "cli-progress";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { average, type Estimate, meanDifferenceOf, meanOf } from "../statistics/estimate.ts";
import type { Drawing, GenerationCache } from "../drawings/generation_cache.ts";

export interface Condition<Subject> {
  readonly label: string;
  drawing(subject: Subject, seed: number): Drawing;
}

export interface Shown<Subject> {
  readonly subject: Subject;
  readonly condition: string;
  readonly seed: number;
  readonly image: RgbImage;
  /** Image of the same subject and seed under the first condition. */
  readonly reference: RgbImage;
}

export interface Metric<Subject> {
  readonly name: string;
  /** Returns one number for each image, in their order; NaN where there is none. */
  measure(shown: readonly Shown<Subject>[]): Promise<readonly number[]>;
}

export interface Grid<Subject> {
  readonly subjects: readonly Subject[];
  readonly seeds: number;
  readonly conditions: readonly Condition<Subject>[];
  readonly metrics: readonly Metric<Subject>[];
  /** Number of first subjects whose images of seed 0 are kept. */
  readonly kept: number;
}

export interface MeasuredGrid<Subject> {
  /** Returns each subject's mean over its seeds, since intervals resample subjects. */
  values(metric: string, condition: string): number[];
  /** Returns the mean of those values that are numbers. */
  mean(metric: string, condition: string): Estimate;
  /** Returns the first condition's values minus the other's, paired by subject. */
  difference(metric: string, condition: string, other: string): Estimate;
  /** Returns the values of `of` minus those of `over`, paired by subject. */
  between(of: MetricCondition, over: MetricCondition): Estimate;
  readonly kept: readonly Shown<Subject>[];
}

type MetricCondition = readonly [metric: string, condition: string];

export async function measureGrid<Subject>(
  cache: GenerationCache,
  grid: Grid<Subject>,
): Promise<MeasuredGrid<Subject>> {
  const { subjects, metrics } = grid;
  const values = new Map<string, number[]>();
  const kept: Shown<Subject>[] = [];
  const bar = startBar(subjects.length * cellsOf(grid).length);
  try {
    for (const [i, subject] of subjects.entries()) {
      const shown = await drawSubject(cache, subject, grid, () => bar.increment());
      for (const metric of metrics) {
        const measured = await metric.measure(shown);
        for (const [condition, value] of meansByCondition(shown, measured)) {
          const key = keyOf(metric.name, condition);
          values.set(key, [...values.get(key) ?? [], value]);
        }
      }
      if (i < grid.kept) kept.push(...shown.filter(({ seed }) => seed === 0));
    }
  } finally {
    bar.stop();
  }
  const valuesOf = (metric: string, condition: string): number[] => {
    const found = values.get(keyOf(metric, condition));
    if (found) return found;
    throw new Error(`${metric} was not measured under ${condition}`);
  };
  return {
    kept,
    values: valuesOf,
    mean: (metric, condition) =>
      meanOf(valuesOf(metric, condition).filter((value) => !Number.isNaN(value))),
    difference: (metric, condition, other) =>
      meanDifferenceOf(valuesOf(metric, condition), valuesOf(metric, other)),
    between: (of, over) => meanDifferenceOf(valuesOf(...of), valuesOf(...over)),
  };
}

const keyOf = (metric: string, condition: string) => `${metric} | ${condition}`;

/** Runs that begin alike follow each other, so that the engine evaluates the beginning once. */
function cellsOf<Subject>({ seeds, conditions }: Grid<Subject>) {
  return Array.from({ length: seeds }, (_, seed) => seed)
    .flatMap((seed) => conditions.map((condition) => ({ seed, condition })));
}

async function drawSubject<Subject>(
  cache: GenerationCache,
  subject: Subject,
  grid: Grid<Subject>,
  done: () => void,
): Promise<Shown<Subject>[]> {
  const cells = cellsOf(grid);
  const images: RgbImage[] = [];
  for (let from = 0; from < cells.length; from += DRAWN_TOGETHER) {
    const together = cells.slice(from, from + DRAWN_TOGETHER);
    images.push(
      ...await Promise.all(together.map(async ({ seed, condition }) => {
        const image = await cache.image(condition.drawing(subject, seed));
        done();
        return image;
      })),
    );
  }
  return cells.map(({ seed, condition: { label: condition } }, i) => {
    // The first condition of the seed.
    const reference = images[seed * grid.conditions.length]!;
    return { subject, condition, seed, image: images[i]!, reference };
  });
}

/** Their rows share batches, and those that begin alike go side by side. */
const DRAWN_TOGETHER = 8;

/** A seed without a number is left out; a condition without any has NaN. */
function meansByCondition<Subject>(
  shown: readonly Shown<Subject>[],
  measured: readonly number[],
): Map<string, number> {
  const rows = shown.map(({ condition }, i) => ({ condition, value: measured[i]! }));
  const groups = Map.groupBy(rows, ({ condition }) => condition);
  return new Map([...groups].map(([condition, group]) => [
    condition,
    average(group.map(({ value }) => value).filter((value) => !Number.isNaN(value))),
  ]));
}

/** Counts images; the bar is redrawn on a terminal, and is a line every 30 s in a log. */
export function startBar(total: number, start = 0): SingleBar {
  const bar = new SingleBar({
    format: "{bar} {value}/{total} images, {eta_formatted} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 30_000,
  });
  bar.start(total, start);
  return bar;
}
