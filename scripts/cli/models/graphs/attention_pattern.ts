/**
 * Recognises attention that is spelled out: queries times keys, scaled, Softmax, times values. What
 * counts is where the axes of each operand come from, so that any way of moving them is recognised.
 */
import type {
  DetailedGraph,
  DetailedNode,
} from "../../../../gpu-function/onnx/graph_file/graph_detail.ts";
import { type Monomial, numberOf, ONE, over, raised, same, times } from "./monomial.ts";
import { type Layout, type Role, SymbolicShapes } from "./symbolic_shapes.ts";

export interface SpelledAttention {
  readonly softmax: DetailedNode;
  /** Values of [batch, places, heads, width]. */
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly heads: number;
  /** Null for one over the root of the width. */
  readonly scale: number | null;
  /** The value of [batch, places, heads * width] in which it ends. */
  readonly output: string;
}

/** Returns for each Softmax the attention around it, null where it is not recognised. */
export function spelledAttentions(
  graph: DetailedGraph,
): Map<DetailedNode, SpelledAttention | null> {
  const surroundings: Surroundings = {
    graph,
    shapes: new SymbolicShapes(graph),
    users: usersOf(graph),
  };
  const softmaxes = graph.nodes.filter(({ op }) => op === "Softmax");
  return new Map(softmaxes.map((softmax) => [softmax, attentionAround(softmax, surroundings)]));
}

interface Surroundings {
  readonly graph: DetailedGraph;
  readonly shapes: SymbolicShapes;
  readonly users: ReadonlyMap<string, readonly DetailedNode[]>;
}

function usersOf({ nodes }: DetailedGraph): Map<string, DetailedNode[]> {
  const users = new Map<string, DetailedNode[]>();
  for (const node of nodes) {
    for (const value of new Set([...node.inputs, ...node.captured])) {
      users.set(value, [...users.get(value) ?? [], node]);
    }
  }
  return users;
}

function attentionAround(softmax: DetailedNode, around: Surroundings): SpelledAttention | null {
  const { shapes } = around;
  const scores = scoresBefore(softmax, shapes);
  const mixing = mixingAfter(softmax, around);
  if (!scores || !mixing) return null;
  const [queries = "", keys = ""] = scores.product.inputs;
  const query = shapes.layout(queries);
  const key = shapes.layout(keys);
  const value = shapes.layout(mixing.inputs[1] ?? "");
  if (!query || !key || !value || !isOverLastAxis(softmax, query)) return null;
  if (!areArranged({ query, key, value }) || !areAlike([query, key, value])) return null;
  if (new Set([query, key, value].map(({ split }) => typeOf(split, around))).size !== 1) {
    return null;
  }
  const output = outputAfter(mixing, mixed(query, value), around);
  const scale = scaleOf(times(scores.scale, times(query.scale, key.scale)), sizeOf(query, "width"));
  const heads = numberOf(sizeOf(query, "heads"));
  if (output === null || scale === undefined || heads === null) return null;
  if (!same(value.scale, ONE)) return null;
  const splits = { query: query.split, key: key.split, value: value.split };
  return { softmax, ...splits, heads, scale, output };
}

/** Goes up to the product of queries and keys. A mask on the way is no attention of this kind. */
function scoresBefore(softmax: DetailedNode, shapes: SymbolicShapes) {
  let scale: Monomial = ONE;
  let node = shapes.maker(softmax.inputs[0] ?? "");
  while (node && node.op !== "MatMul") {
    const [left = "", right = ""]: readonly string[] = node.inputs;
    if (node.op === "Mul" || node.op === "Div") {
      const [factor, ...more] = shapes.numbers(right) ?? [];
      if (!factor || more.length > 0) return null;
      scale = node.op === "Mul" ? times(scale, factor) : over(scale, factor);
    } else if (node.op === "Add") {
      if (!isZero(right, shapes)) return null;
    } else if (node.op !== "Cast" && node.op !== "Identity") return null;
    node = shapes.maker(left);
  }
  return node ? { product: node, scale } : null;
}

/** PyTorch's `baddbmm` adds an empty tensor times 0. */
function isZero(value: string, shapes: SymbolicShapes): boolean {
  const node = shapes.maker(value);
  if (node?.op !== "Mul") return false;
  return node.inputs.some((factor) => {
    const found = shapes.numbers(factor);
    return found?.length === 1 && numberOf(found[0] ?? ONE) === 0;
  });
}

/** Finds the product of weights and values, where nothing else reads the weights. */
function mixingAfter(softmax: DetailedNode, around: Surroundings): DetailedNode | null {
  let [value = ""] = softmax.outputs;
  for (;;) {
    const user = onlyUser(value, around);
    if (user?.op === "MatMul") return user.inputs[0] === value ? user : null;
    if (user?.op !== "Cast" && user?.op !== "Identity") return null;
    value = user.outputs[0] ?? "";
  }
}

function onlyUser(value: string, { graph, users }: Surroundings): DetailedNode | null {
  const found = users.get(value) ?? [];
  return found.length === 1 && !graph.outputs.has(value) ? found[0] ?? null : null;
}

function isOverLastAxis({ integers }: DetailedNode, { axes }: Layout): boolean {
  const axis = integers.get("axis")?.[0] ?? -1;
  return axis === -1 || axis === axes.length - 1;
}

const ARRANGEMENTS: Readonly<Record<"query" | "key" | "value", readonly Role[]>> = {
  query: ["places", "width"],
  key: ["width", "places"],
  value: ["places", "width"],
};

/** Heads are an axis of their own, or in the batch. */
function areArranged(operands: Readonly<Record<keyof typeof ARRANGEMENTS, Layout>>): boolean {
  const apart: readonly Role[][] = [["batch"], ["heads"]];
  return [apart, [["batch", "heads"] as const]].some((outer) =>
    (["query", "key", "value"] as const).every((name) =>
      isArranged(operands[name], [...outer, ...ARRANGEMENTS[name].map((role) => [role])])
    )
  );
}

function isArranged({ axes }: Layout, wanted: readonly (readonly Role[])[]): boolean {
  const present = new Set(axes.flat().map(({ role }) => role));
  const show = (groups: readonly (readonly Role[])[]) =>
    groups.map((roles) => roles.join()).join(" ");
  return show(axes.map((parts) => parts.map(({ role }) => role))) ===
    show(wanted.map((roles) => roles.filter((role) => present.has(role))));
}

/** Products would repeat a batch or head of one for all others, which the operator does not. */
function areAlike([first, ...others]: readonly Layout[]): boolean {
  return others.every((other) =>
    first && same(sizeOf(first, "batch"), sizeOf(other, "batch")) &&
    same(sizeOf(first, "heads"), sizeOf(other, "heads"))
  );
}

function sizeOf({ axes }: Layout, role: Role): Monomial {
  return axes.flat().find((axis) => axis.role === role)?.size ?? ONE;
}

/** Computes the layout of the mixture: the queries' places with the values' width. */
function mixed(query: Layout, { axes }: Layout): Layout {
  const width = axes.at(-1) ?? [];
  return { ...query, scale: ONE, axes: [...query.axes.slice(0, -1), width] };
}

const MOVES = new Set(["Reshape", "Transpose", "Identity"]);
const JOINED: readonly (readonly Role[])[] = [["batch"], ["places"], ["heads", "width"]];

/** Follows the mixture to where its heads are side by side again. */
function outputAfter(mixing: DetailedNode, layout: Layout, around: Surroundings): string | null {
  const { shapes, users, graph } = around;
  let [value = ""] = mixing.outputs;
  let current: Layout | null = layout;
  while (current) {
    shapes.assume(value, current);
    if (isArranged(current, JOINED)) return value;
    // Sizes that are read back are of no use once the movement is gone.
    const [user, ...more] = (users.get(value) ?? []).filter(({ op }) => op !== "Shape");
    if (!user || more.length > 0 || !MOVES.has(user.op) || graph.outputs.has(value)) return null;
    current = shapes.moved(user, current);
    value = user.outputs[0] ?? "";
  }
  return null;
}

/** How far a scale in few digits may be from the root that it means. */
const SCALE_TOLERANCE = 1e-3;

/** Returns null for the operator's own scale, and undefined where it cannot be told. */
function scaleOf(scale: Monomial, width: Monomial): number | null | undefined {
  const known = numberOf(scale);
  if (known !== null) return known;
  const ofDefault = numberOf(times(scale, raised(width, 0.5)));
  return ofDefault !== null && Math.abs(ofDefault - 1) < SCALE_TOLERANCE ? null : undefined;
}

/** Returns ONNX's number of a float value's type, which is that of what it was computed from. */
function typeOf(value: string, { graph, shapes }: Surroundings): number | null {
  let name = value;
  for (;;) {
    const known = graph.constants.get(name)?.type ?? graph.inputTypes.get(name);
    if (known !== undefined) return known;
    const node = shapes.maker(name);
    if (node?.op === "Cast") return node.integers.get("to")?.[0] ?? null;
    if (!node) return null;
    name = node.inputs[0] ?? "";
  }
}
