/** Latents and other tensors: float32 values in row-major order with a shape. */

export interface Latents {
  readonly data: Float32Array;
  /** Without a batch axis, e.g. [channels, height, width]. */
  readonly shape: readonly number[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** @throws RangeError when the shape does not hold exactly these values */
export function createLatents(data: Float32Array, shape: readonly number[]): Latents {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`Shape ${showShape(shape)} cannot hold ${data.length} values`);
  }
  return { data, shape };
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

export function hasSameShape(x: Latents, y: Latents): boolean {
  return x.shape.length === y.shape.length && x.shape.every((side, i) => side === y.shape[i]);
}

/** `a x + b y`, element by element, rounded to float32 once. */
export function combine(
  { a, b }: { readonly a: number; readonly b: number },
  x: Latents,
  y: Latents,
): Latents {
  if (!hasSameShape(x, y)) {
    throw new RangeError(`Latents ${showShape(x.shape)} and ${showShape(y.shape)} do not match`);
  }
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < data.length; i++) data[i] = a * x.data[i]! + b * y.data[i]!;
  return { data, shape: x.shape };
}

/** `w1 x1 + w2 x2 + …` over latents of one shape, element by element, rounded to float32 once. */
export function weightedSum(terms: readonly (readonly [weight: number, x: Latents])[]): Latents {
  const shape = terms[0]?.[1].shape ?? [];
  const sum = new Float64Array(sizeOf(shape));
  for (const [weight, { data, shape: other }] of terms) {
    if (data.length !== sum.length) {
      throw new RangeError(`Latents ${showShape(shape)} and ${showShape(other)} do not match`);
    }
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * data[i]!;
  }
  return { data: Float32Array.from(sum), shape };
}

export function clamp(x: Latents, limit: number): Latents {
  return { data: x.data.map((value) => Math.min(Math.max(value, -limit), limit)), shape: x.shape };
}

/** Euclidean length of all values, summed in float64. */
export function norm({ data }: Latents): number {
  let sum = 0;
  for (const value of data) sum += value * value;
  return Math.sqrt(sum);
}

export function areFinite({ data }: Latents): boolean {
  return data.every(Number.isFinite);
}
