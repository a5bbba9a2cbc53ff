/**
 * Reads objects, colours and places off a classifier's grids of logits, as `read` and `relation_of`
 * of `scripts/training/train/classifier.py` do. Pure arithmetic.
 */

export interface ClassifierLabels {
  /** Names by class; class 0 is the background. */
  readonly objects: readonly string[];
  readonly colours: readonly string[];
}

/** One object found. */
export interface Seen {
  readonly noun: string;
  readonly colour: string;
  /** Mass of the object in cells. */
  readonly weight: number;
  /** Centre in pixels, together with `y`. */
  readonly x: number;
  readonly y: number;
}

export type Arrangement = "left" | "right" | "above" | "below";

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Logits of one image, [classes, side, side] each. */
export interface LogitGrids {
  readonly objects: Float32Array;
  readonly colours: Float32Array;
  /** Cells along a side. */
  readonly side: number;
  /** Pixels along a cell. */
  readonly cell: number;
}

const OBJECTS_READ = 2;

/** Returns the two heaviest objects of an image, heaviest first. */
export function readGrids(grids: LogitGrids, labels: ClassifierLabels): Seen[] {
  const area = grids.side ** 2;
  const objects = softmaxOverClasses(grids.objects, area);
  const colours = softmaxOverClasses(grids.colours, area);
  const masses = labels.objects.map((_, index) => ({ index, cells: classOf(objects, index, area) }))
    .slice(1).map((each) => ({ ...each, weight: sum(each.cells) }));
  return masses.sort((a, b) => b.weight - a.weight).slice(0, OBJECTS_READ)
    .map(({ index, cells, weight }) => ({
      noun: labels.objects[index]!,
      colour: labels.colours[tintOf(cells, colours, labels.colours.length)]!,
      weight,
      ...centreOf(cells, weight, grids),
    }));
}

/** Places the first as seen from the second, by the larger component; a tie is horizontal. */
export function relationOf(first: Point, second: Point): Arrangement {
  const [dx, dy] = [first.x - second.x, first.y - second.y];
  if (Math.abs(dx) >= Math.abs(dy)) return dx < 0 ? "left" : "right";
  return dy < 0 ? "above" : "below";
}

function softmaxOverClasses(logits: Float32Array, area: number): Float64Array {
  const shares = new Float64Array(logits.length);
  for (let cell = 0; cell < area; cell++) {
    let highest = -Infinity, total = 0;
    for (let i = cell; i < logits.length; i += area) highest = Math.max(highest, logits[i]!);
    for (let i = cell; i < logits.length; i += area) {
      shares[i] = Math.exp(logits[i]! - highest);
      total += shares[i]!;
    }
    for (let i = cell; i < logits.length; i += area) shares[i]! /= total;
  }
  return shares;
}

function classOf(shares: Float64Array, index: number, area: number): Float64Array {
  return shares.subarray(index * area, (index + 1) * area);
}

/** Returns the colour with the most mass on the object's cells. */
function tintOf(cells: Float64Array, colours: Float64Array, count: number): number {
  let best = { index: 0, mass: -Infinity };
  for (let index = 0; index < count; index++) {
    const mass = sum(classOf(colours, index, cells.length).map((share, i) => share * cells[i]!));
    if (mass > best.mass) best = { index, mass };
  }
  return best.index;
}

function centreOf(cells: Float64Array, weight: number, { side, cell }: LogitGrids): Point {
  let x = 0, y = 0;
  for (const [i, share] of cells.entries()) {
    x += share * ((i % side) + 0.5) * cell;
    y += share * (Math.floor(i / side) + 0.5) * cell;
  }
  return { x: x / weight, y: y / weight };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
