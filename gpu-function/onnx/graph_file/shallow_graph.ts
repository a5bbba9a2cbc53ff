/**
 * An ONNX graph that begins at one of its inner values: the value is fed, and whatever only led to it is
 * left out, since onnxruntime would compute it all the same. Field numbers are those of onnx.proto.
 *
 * In a U-Net the value is the deeper input of a skip connection on the way up, so that what is left are the
 * shallow layers (Ma, Fang, Wang: "DeepCache", CVPR 2024, section 3.2, computes its reduced step so).
 */
import { type DetailedGraph, readDetail } from "./graph_detail.ts";
import { openProtobufFile, type ProtobufField, type ProtobufFile } from "./protobuf_file.ts";
import { integer, join, message, text } from "./protobuf_writer.ts";

/** ONNX's numbers of the types that a value can be fed in. */
const ELEMENT_TYPES = { float32: 1, float16: 10 } as const;

export interface FedValue {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
}

const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11, value_info: 13 };
const TENSOR_NAME = 8;
const VALUE_INFO = { name: 1, type: 2 };
const TYPE_TENSOR = 1;
const TENSOR_ELEMENT = 1;

/** @throws RangeError when the graph has no such inner value, or needs what the same node gives beside it */
export function readShallowGraph(file: string, fed: FedValue): Uint8Array {
  const source = openProtobufFile(file);
  try {
    return shallowGraph(source, fed);
  } finally {
    source.close();
  }
}

/** The same of a graph that is there already. @throws like it */
export function shallowGraph(source: Omit<ProtobufFile, "close">, fed: FedValue): Uint8Array {
  const detail = readDetail(source);
  const needed = neededWithout(detail, fed.name);
  const last = detail.graphs.at(-1)?.start;
  const parts: Uint8Array[] = [];
  for (const field of source.fields(0, source.size)) {
    if (field.number !== MODEL_GRAPH) {
      parts.push(wholeField(source, field));
      continue;
    }
    const content = [...source.fields(field.start, field.end)]
      .filter((part) => isNeeded(source, part, needed))
      .map((part) => wholeField(source, part));
    if (field.start === last) content.push(message(GRAPH.input, ...declaration(fed)));
    parts.push(message(MODEL_GRAPH, ...content));
  }
  return join(parts);
}

interface Needed {
  /** Nodes by their first bytes. */
  readonly nodes: ReadonlySet<number>;
  readonly values: ReadonlySet<string>;
}

/** What the outputs need when the value is there already. */
function neededWithout({ nodes, outputs }: DetailedGraph, fed: string): Needed {
  if (!nodes.some((node) => node.outputs.includes(fed))) {
    throw new RangeError(`the graph has no inner value ${fed}`);
  }
  const kept = new Set<number>();
  const values = new Set(outputs);
  // Nodes are sorted so that inputs come first.
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => values.has(name) && name !== fed)) continue;
    if (node.outputs.includes(fed)) {
      throw new RangeError(`the node of ${fed} gives other values that are needed`);
    }
    kept.add(node.span.start);
    for (const name of [...node.inputs, ...node.captured]) values.add(name);
  }
  values.delete(fed);
  return { nodes: kept, values };
}

function isNeeded(
  source: Omit<ProtobufFile, "close">,
  part: ProtobufField,
  { nodes, values }: Needed,
): boolean {
  const named = (number: number) => values.has(nameIn(source, part, number));
  switch (part.number) {
    case GRAPH.node:
      return nodes.has(part.tag);
    case GRAPH.initializer:
      return named(TENSOR_NAME);
    case GRAPH.input:
    case GRAPH.value_info:
      return named(VALUE_INFO.name);
    default:
      return true;
  }
}

function nameIn(source: Omit<ProtobufFile, "close">, part: ProtobufField, number: number): string {
  for (const field of source.fields(part.start, part.end)) {
    if (field.number === number) return source.text(field);
  }
  return "";
}

function wholeField(source: Omit<ProtobufFile, "close">, { tag, end }: ProtobufField): Uint8Array {
  return source.bytes({ start: tag, end });
}

/** Its shape is left to be inferred. */
function declaration({ name, type }: FedValue): Uint8Array[] {
  const tensor = message(TYPE_TENSOR, integer(TENSOR_ELEMENT, ELEMENT_TYPES[type]));
  return [text(VALUE_INFO.name, name), message(VALUE_INFO.type, tensor)];
}
