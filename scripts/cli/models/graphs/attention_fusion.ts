/**
 * Plans a graph in which spelled-out attention is one operator. Pure: what comes out says which
 * parts of the file go, and what is written in their place.
 */
import {
  integer,
  join,
  message,
  text,
} from "../../../../gpu-function/onnx/graph_file/protobuf_writer.ts";
import { type SpelledAttention, spelledAttentions } from "./attention_pattern.ts";
import type {
  DetailedGraph,
  DetailedNode,
  Span,
} from "../../../../gpu-function/onnx/graph_file/graph_detail.ts";

export interface FusedGraph {
  readonly fused: number;
  /** Softmaxes that stay since something else reads their weights: those over the text. */
  readonly kept: number;
  /** Softmaxes around which no such attention was recognised. */
  readonly unknown: number;
  readonly edit: GraphEdit;
}

export interface GraphEdit {
  /** Parts of the file to leave out, by their first bytes. */
  readonly removed: ReadonlySet<number>;
  /** Parts to write before the part that begins at this byte. */
  readonly inserted: ReadonlyMap<number, Uint8Array>;
  /** Parts to write at the end of the graph, and after it. */
  readonly graphEnd: Uint8Array;
  readonly modelEnd: Uint8Array;
}

const DOMAIN = "com.microsoft";
const MODEL_OPSET = 8;
const GRAPH = { node: 1, initializer: 5 };
const OPERATOR_SET = { domain: 1, version: 2 };

/** @param weights outputs of Softmaxes to keep: attention that insights show */
export function fuseAttention(graph: DetailedGraph, weights: ReadonlySet<string>): FusedGraph {
  const live = new LiveNodes(graph);
  const inserted = new Map<number, Uint8Array>();
  let [kept, unknown] = [0, 0];
  for (const [softmax, attention] of spelledAttentions(graph)) {
    const last = attention && live.makerOf(attention.output);
    if (softmax.outputs.some((output) => weights.has(output))) kept += 1;
    else if (last && live.replace(attention)) inserted.set(last.span.start, nodesOf(attention));
    else unknown += 1;
  }
  const fused = inserted.size;
  const edit = {
    removed: new Set([...live.removed].flatMap((node) => partsOf(node, graph))),
    inserted,
    graphEnd: fused > 0 ? message(GRAPH.initializer, joinedShape()) : new Uint8Array(),
    modelEnd: fused > 0 && !graph.domains.has(DOMAIN) ? operatorSet() : new Uint8Array(),
  };
  return { fused, kept, unknown, edit };
}

function partsOf({ span, outputs }: DetailedNode, { notes }: DetailedGraph): number[] {
  const noted = outputs.flatMap((output) => notes.get(output) ?? []);
  return [span, ...noted].map(({ start }: Span) => start);
}

/** Knows which nodes still lead to an output; onnxruntime would compute the others too. */
class LiveNodes {
  readonly removed = new Set<DetailedNode>();
  readonly #graph: DetailedGraph;
  readonly #makers = new Map<string, DetailedNode>();
  readonly #uses = new Map<string, number>();

  constructor(graph: DetailedGraph) {
    this.#graph = graph;
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.#makers.set(output, node);
      this.#count([...node.inputs, ...node.captured], 1);
    }
    this.#count([...graph.outputs], 1);
  }

  makerOf(value: string): DetailedNode | undefined {
    return this.#makers.get(value);
  }

  /** Puts the operator in the attention's place; changes nothing where the attention would stay. */
  replace({ softmax, query, key, value, output }: SpelledAttention): boolean {
    const last = this.#makers.get(output);
    if (!last) return false;
    this.#count([query, key, value], 1);
    const gone = this.#remove(last);
    if (gone.includes(softmax)) return true;
    this.#count([query, key, value], -1);
    for (const node of gone) {
      this.removed.delete(node);
      this.#count([...node.inputs, ...node.captured], 1);
    }
    return false;
  }

  #remove(first: DetailedNode): DetailedNode[] {
    const gone: DetailedNode[] = [];
    const waiting = [first];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      if (this.removed.has(node)) continue;
      this.removed.add(node);
      gone.push(node);
      const read = [...node.inputs, ...node.captured];
      this.#count(read, -1);
      for (const maker of read.map((name) => this.#makers.get(name))) {
        if (maker?.outputs.every((name) => !this.#uses.get(name))) waiting.push(maker);
      }
    }
    return gone;
  }

  #count(values: readonly string[], by: number): void {
    for (const value of values) this.#uses.set(value, (this.#uses.get(value) ?? 0) + by);
  }
}

const NODE = { input: 1, output: 2, name: 3, op_type: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, f: 2, i: 3, type: 20 };
const ATTRIBUTE_TYPE = { float: 1, integer: 2 };

/** The name of the shape that puts heads side by side, whatever their number. */
const JOINED = "shapefirst.heads_joined";

function nodesOf({ query, key, value, heads, scale, output }: SpelledAttention): Uint8Array {
  const operands = { query, key, value };
  const names = (["query", "key", "value"] as const).map((role) => ({
    split: operands[role],
    joined: `${output}.${role}`,
  }));
  const reshapes = names.map(({ split, joined }) =>
    node({ op: "Reshape", inputs: [split, JOINED], output: joined })
  );
  const attributes = [integerAttribute("num_heads", heads)];
  if (scale !== null) attributes.push(floatAttribute("scale", scale));
  const inputs = names.map(({ joined }) => joined);
  const attention = { op: "MultiHeadAttention", inputs, output, domain: DOMAIN };
  return join([...reshapes, node(attention, attributes)]);
}

function node(
  { op, inputs, output, domain = "" }: {
    readonly op: string;
    readonly inputs: readonly string[];
    readonly output: string;
    readonly domain?: string;
  },
  attributes: readonly Uint8Array[] = [],
): Uint8Array {
  return message(
    GRAPH.node,
    ...inputs.map((input) => text(NODE.input, input)),
    text(NODE.output, output),
    text(NODE.name, `${output}.${op}`),
    text(NODE.op_type, op),
    ...attributes.map((attribute) => message(NODE.attribute, attribute)),
    ...(domain === "" ? [] : [text(NODE.domain, domain)]),
  );
}

function integerAttribute(name: string, value: number): Uint8Array {
  const type = integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.integer);
  return join([text(ATTRIBUTE.name, name), integer(ATTRIBUTE.i, value), type]);
}

function floatAttribute(name: string, value: number): Uint8Array {
  const fourBytes = 5;
  const number = new DataView(new ArrayBuffer(4));
  number.setFloat32(0, value, true);
  const tag = Uint8Array.of(ATTRIBUTE.f << 3 | fourBytes);
  const type = integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float);
  return join([text(ATTRIBUTE.name, name), tag, new Uint8Array(number.buffer), type]);
}

/** The first two sides stay, and the third takes the rest. */
function joinedShape(): Uint8Array {
  const tensor = { dims: 1, data_type: 2, name: 8, raw_data: 9 };
  const int64 = 7;
  const raw = new Uint8Array(BigInt64Array.of(0n, 0n, -1n).buffer);
  return join([
    integer(tensor.dims, 3),
    integer(tensor.data_type, int64),
    text(tensor.name, JOINED),
    message(tensor.raw_data, raw),
  ]);
}

function operatorSet(): Uint8Array {
  const content = [text(OPERATOR_SET.domain, DOMAIN), integer(OPERATOR_SET.version, 1)];
  return message(MODEL_OPSET, ...content);
}
