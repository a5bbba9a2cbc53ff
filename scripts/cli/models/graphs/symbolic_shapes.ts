/**
 * Follows values that are only moved, from where they are split into heads to where attention uses
 * them, and computes shapes and scales without knowing the sizes. Exporters write one and the same
 * movement in many ways, with sizes read back from the values themselves, so nodes alone prove little.
 */
import type {
  DetailedGraph,
  DetailedNode,
  SmallTensor,
} from "../../../../gpu-function/onnx/graph_file/graph_detail.ts";
import {
  constant,
  type Monomial,
  numberOf,
  ONE,
  over,
  product,
  raised,
  same,
  times,
  unknown,
} from "./monomial.ts";

/** What an axis of the split value means. */
export type Role = "batch" | "places" | "heads" | "width";

export interface Axis {
  readonly role: Role;
  readonly size: Monomial;
}

/** How the axes of a value are made of those of the value that was split, and what it was scaled by. */
export interface Layout {
  /** The value that was split into heads: [batch, places, heads, width]. */
  readonly split: string;
  /** For each axis its parts, outermost first; an axis of one element has none. */
  readonly axes: readonly (readonly Axis[])[];
  readonly scale: Monomial;
}

const PASSING = new Set(["Identity", "Cast", "Unsqueeze", "Squeeze", "Reshape"]);
const MOVING = new Set(["Reshape", "Transpose", "Mul", "Div", "Identity"]);

/** Knows what can be told of a graph's values before it runs. */
export class SymbolicShapes {
  readonly #makers = new Map<string, DetailedNode>();
  readonly #constants: DetailedGraph["constants"];
  readonly #known = new Map<string, readonly Monomial[] | null>();
  readonly #layouts = new Map<string, Layout | null>();

  constructor({ nodes, constants }: Pick<DetailedGraph, "nodes" | "constants">) {
    this.#constants = constants;
    for (const node of nodes) for (const output of node.outputs) this.#makers.set(output, node);
  }

  maker(value: string): DetailedNode | undefined {
    return this.#makers.get(value);
  }

  /** Gives a value a layout that its nodes do not show. */
  assume(value: string, layout: Layout): void {
    this.#layouts.set(value, layout);
  }

  /** Returns the elements of a shape or a scale; null where they cannot be told. */
  numbers(value: string): readonly Monomial[] | null {
    const before = this.#known.get(value);
    if (before !== undefined) return before;
    const computed = fromTensor(this.#constants.get(value)) ?? this.#fromNode(this.maker(value));
    this.#known.set(value, computed);
    return computed;
  }

  #fromNode(node: DetailedNode | undefined): readonly Monomial[] | null {
    if (!node) return null;
    const [first = "", second = ""] = node.inputs;
    if (node.op === "Constant") return fromTensor(node.tensors.get("value"));
    if (node.op === "Shape") return this.#sides(node, integer(node, "end"));
    if (PASSING.has(node.op)) return this.numbers(first);
    if (node.op === "Concat") return concatenated(node.inputs.map((input) => this.numbers(input)));
    if (node.op === "Gather") return this.#gathered(first, this.numbers(second));
    if (node.op === "Slice") return this.#sliced(node);
    const a = this.numbers(first);
    if (node.op === "Sqrt") return a?.map((number) => raised(number, 0.5)) ?? null;
    if (node.op === "Mul") return pairwise(a, this.numbers(second), times);
    if (node.op === "Div") return pairwise(a, this.numbers(second), over);
    if (node.op !== "Add" && node.op !== "Sub") return null;
    // A sum is no product, but it is the same unknown wherever it is used.
    const sum = pairwise(a, this.numbers(second), times);
    return sum?.map((_, i) => unknown(`${node.outputs[0]}[${i}]`)) ?? null;
  }

  /** Sizes of a value along its first axes; without an end only where their number is known. */
  #sides(shape: DetailedNode, end: number | undefined): readonly Monomial[] | null {
    const [value = ""] = shape.inputs;
    const start = integer(shape, "start") ?? 0;
    const own = this.layout(value)?.axes.map((parts) => product(parts.map(({ size }) => size)));
    if (own) return own.slice(start, end);
    if (end === undefined || start < 0 || end < start) return null;
    return Array.from({ length: end - start }, (_, i) => this.#side(value, start + i));
  }

  /** A product with weights and a sum with a bias have as many rows as what goes in. */
  #side(value: string, index: number): Monomial {
    let source = value;
    while (index === 0) {
      const node = this.maker(source);
      const [left = "", right = ""] = node?.inputs ?? [];
      const byWeights = node?.op === "MatMul" || node?.op === "Add";
      if (!byWeights || !(this.#constants.has(right) || this.#constants.has(left))) break;
      source = this.#constants.has(right) ? left : right;
    }
    return unknown(`${source}:${index}`);
  }

  #gathered(from: string, indices: readonly Monomial[] | null) {
    const places = indices?.map(numberOf) ?? [];
    const shape = this.maker(from);
    const all = this.numbers(from);
    const found = places.map((index) => {
      if (index === null) return null;
      if (all) return all.at(index) ?? null;
      return shape?.op === "Shape" && index >= 0
        ? this.#sides(shape, index + 1)?.at(index) ?? null
        : null;
    });
    return found.length > 0 ? whole(found) : null;
  }

  #sliced({ inputs }: DetailedNode): readonly Monomial[] | null {
    const [from = "", starts = "", ends = "", , steps = ""] = inputs;
    const bound = (name: string) => numberOf(this.numbers(name)?.[0] ?? unknown(name));
    const [start, end] = [bound(starts), bound(ends)];
    if (start === null || end === null || steps !== "" && bound(steps) !== 1) return null;
    const shape = this.maker(from);
    const all = this.numbers(from) ??
      (shape?.op === "Shape" && start >= 0 && end > 0 && end <= 8 ? this.#sides(shape, end) : null);
    return all?.slice(Math.max(start, -all.length), end) ?? null;
  }

  /** Returns null for a value that is no moved part of a split one. */
  layout(value: string): Layout | null {
    const before = this.#layouts.get(value);
    if (before !== undefined) return before;
    this.#layouts.set(value, null);
    const found = this.#layoutBehind(value);
    this.#layouts.set(value, found);
    return found;
  }

  #layoutBehind(value: string): Layout | null {
    const node = this.maker(value);
    if (!node || !MOVING.has(node.op)) return null;
    for (const input of node.inputs.slice(0, 2)) {
      const source = this.layout(input);
      if (source) return this.moved(node, source);
    }
    return node.op === "Reshape" ? splitBy(node, this.numbers(node.inputs[1] ?? "")) : null;
  }

  /** Returns the layout after a node that only moves or scales; null after any other. */
  moved(node: DetailedNode, source: Layout): Layout | null {
    const [, second = ""] = node.inputs;
    if (node.op === "Identity") return source;
    if (node.op === "Transpose") {
      const axes = node.integers.get("perm")?.flatMap((axis) => {
        const parts = source.axes[axis];
        return parts ? [parts] : [];
      });
      return axes?.length === source.axes.length ? { ...source, axes } : null;
    }
    if (node.op === "Reshape") {
      const axes = regrouped(source.axes, targetOf(this.numbers(second)));
      return axes && { ...source, axes };
    }
    return this.#scaled(node, source);
  }

  #scaled({ op, inputs: [left = "", right = ""] }: DetailedNode, source: Layout) {
    const factor = this.#scalar(right) ?? (op === "Mul" ? this.#scalar(left) : null);
    if (!factor || op !== "Mul" && op !== "Div") return null;
    const scale = op === "Mul" ? times(source.scale, factor) : over(source.scale, factor);
    return { ...source, scale };
  }

  #scalar(value: string): Monomial | null {
    const found = this.numbers(value);
    return found?.length === 1 ? found[0] ?? null : null;
  }
}

function integer(node: DetailedNode, attribute: string): number | undefined {
  return node.integers.get(attribute)?.[0];
}

function fromTensor(tensor: SmallTensor | undefined): readonly Monomial[] | null {
  return tensor?.values && tensor.rank <= 1 ? tensor.values.map(constant) : null;
}

function whole<T>(items: readonly (T | null)[]): readonly T[] | null {
  const present = items.filter((item) => item !== null);
  return present.length === items.length ? present : null;
}

function concatenated(parts: readonly (readonly Monomial[] | null)[]): readonly Monomial[] | null {
  return whole(parts)?.flat() ?? null;
}

function pairwise(
  a: readonly Monomial[] | null,
  b: readonly Monomial[] | null,
  join: (a: Monomial, b: Monomial) => Monomial,
): readonly Monomial[] | null {
  if (!a || !b || a.length !== b.length) return null;
  return a.flatMap((left, i) => {
    const right = b[i];
    return right ? [join(left, right)] : [];
  });
}

const OPEN = constant(-1);
const SPLIT: readonly Role[] = ["batch", "places", "heads", "width"];

/** Reshaping into four axes, the third of a fixed number, is how heads are split. */
function splitBy(
  { outputs: [split = ""], inputs: [source = ""] }: DetailedNode,
  target: readonly Monomial[] | null,
): Layout | null {
  const heads = numberOf(target?.[2] ?? OPEN) ?? 0;
  if (target?.length !== 4 || !Number.isInteger(heads) || heads < 1) return null;
  const axes = SPLIT.flatMap((role, i) => {
    const given = target[i];
    const size = !given || (numberOf(given) ?? 1) < 1
      ? unknown(numberOf(given ?? OPEN) === 0 ? `${source}:${i}` : `${split}:${role}`)
      : given;
    return [same(size, ONE) ? [] : [{ role, size }]];
  });
  return { split, axes, scale: ONE };
}

/** A zero may stand for the size that the axis has, which no exporter writes here. */
function targetOf(sizes: readonly Monomial[] | null): readonly Monomial[] | null {
  return sizes?.some((size) => numberOf(size) === 0) ? null : sizes;
}

/**
 * Distributes axes over those of a new shape. All elements stay, so one size may be unknown.
 * @returns null where the shape cuts through an axis, or too little of it is known
 */
function regrouped(
  axes: Layout["axes"],
  target: readonly Monomial[] | null,
): Layout["axes"] | null {
  if (!target) return null;
  const flat = axes.flat();
  const total = product(flat.map(({ size }) => size));
  for (const open of [null, ...target.keys()]) {
    const rest = product(target.filter((_, i) => i !== open));
    const sizes = target.map((size, i) => i === open ? over(total, rest) : size);
    const groups = grouped(flat, sizes);
    if (groups) return groups;
  }
  return null;
}

function grouped(flat: readonly Axis[], sizes: readonly Monomial[]): Layout["axes"] | null {
  const waiting = [...flat];
  const groups: Axis[][] = [];
  for (const wanted of sizes) {
    const group: Axis[] = [];
    while (!same(product(group.map(({ size }) => size)), wanted)) {
      const next = waiting.shift();
      if (!next) return null;
      group.push(next);
    }
    groups.push(group);
  }
  return waiting.length === 0 ? groups : null;
}
