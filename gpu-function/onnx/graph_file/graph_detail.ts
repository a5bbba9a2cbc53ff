/**
 * Reads an ONNX file's graph in the detail that rewriting it takes: attributes, small constants, and
 * where each part lies in the file. Field numbers are those of onnx.proto.
 */
import type { OnnxNode } from "./onnx_graph.ts";
import type { ProtobufField, ProtobufFile } from "./protobuf_file.ts";

/** A part of the file: its first byte, and the one after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface SmallTensor {
  /** ONNX's number of the type of its elements. */
  readonly type: number;
  readonly rank: number;
  /** Null where there are more than a shape has, or in a type that no shape or scale has. */
  readonly values: readonly number[] | null;
}

export interface DetailedNode extends OnnxNode {
  readonly span: Span;
  readonly domain: string;
  readonly integers: ReadonlyMap<string, readonly number[]>;
  readonly tensors: ReadonlyMap<string, SmallTensor>;
  /** Values that graphs inside the node may read. */
  readonly captured: readonly string[];
}

export interface DetailedGraph {
  readonly nodes: readonly DetailedNode[];
  readonly constants: ReadonlyMap<string, SmallTensor>;
  readonly inputTypes: ReadonlyMap<string, number>;
  readonly outputs: ReadonlySet<string>;
  /** Where the shapes of inner values are noted. */
  readonly notes: ReadonlyMap<string, Span>;
  /** Parts of the graph; protobuf merges them. */
  readonly graphs: readonly Span[];
  /** Operator sets by domain. */
  readonly domains: ReadonlySet<string>;
}

const MODEL = { graph: 7, opset_import: 8 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, value_info: 13 };
const NODE = { input: 1, output: 2, op_type: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, i: 3, t: 5, g: 6, ints: 8, graphs: 11 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE_TENSOR = 1;
const TENSOR_ELEMENT = 1;
const TENSOR = {
  ...{ dims: 1, data_type: 2, float_data: 4, int32_data: 5, int64_data: 7, name: 8, raw_data: 9 },
};
const OPERATOR_SET_DOMAIN = 1;

export function readDetail(source: Omit<ProtobufFile, "close">): DetailedGraph {
  const nodes: DetailedNode[] = [];
  const constants = new Map<string, SmallTensor>();
  const inputTypes = new Map<string, number>();
  const outputs = new Set<string>();
  const notes = new Map<string, Span>();
  const graphs: Span[] = [];
  const domains = new Set<string>();
  for (const field of source.fields(0, source.size)) {
    if (field.number === MODEL.opset_import) {
      domains.add(readText(source, field, OPERATOR_SET_DOMAIN));
    }
    if (field.number !== MODEL.graph) continue;
    graphs.push({ start: field.start, end: field.end });
    for (const part of source.fields(field.start, field.end)) {
      const named = () => readText(source, part, VALUE_INFO.name);
      if (part.number === GRAPH.node) nodes.push(readNode(source, part));
      if (part.number === GRAPH.initializer) {
        constants.set(readText(source, part, TENSOR.name), readTensor(source, part));
      }
      if (part.number === GRAPH.input) inputTypes.set(named(), readElementType(source, part));
      if (part.number === GRAPH.output) outputs.add(named());
      if (part.number === GRAPH.value_info) notes.set(named(), wholeOf(part));
    }
  }
  return { nodes, constants, inputTypes, outputs, notes, graphs, domains };
}

function wholeOf({ tag, end }: ProtobufField): Span {
  return { start: tag, end };
}

function inside(source: Omit<ProtobufFile, "close">, { start, end }: Span) {
  return source.fields(start, end);
}

function readText(source: Omit<ProtobufFile, "close">, message: Span, number: number): string {
  let text = "";
  for (const part of inside(source, message)) {
    if (part.number === number) text = source.text(part);
  }
  return text;
}

function readNode(source: Omit<ProtobufFile, "close">, field: ProtobufField): DetailedNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const integers = new Map<string, readonly number[]>();
  const tensors = new Map<string, SmallTensor>();
  const captured: string[] = [];
  let op = "";
  let domain = "";
  for (const part of inside(source, field)) {
    if (part.number === NODE.input) inputs.push(source.text(part));
    if (part.number === NODE.output) outputs.push(source.text(part));
    if (part.number === NODE.op_type) op = source.text(part);
    if (part.number === NODE.domain) domain = source.text(part);
    if (part.number !== NODE.attribute) continue;
    const name = readText(source, part, ATTRIBUTE.name);
    const numbers: number[] = [];
    for (const value of inside(source, part)) {
      if (value.number === ATTRIBUTE.i) numbers.push(value.value);
      if (value.number === ATTRIBUTE.ints) numbers.push(...readIntegers(source, value));
      if (value.number === ATTRIBUTE.t) tensors.set(name, readTensor(source, value));
      if (value.number === ATTRIBUTE.g || value.number === ATTRIBUTE.graphs) {
        captured.push(...valuesRead(source, value));
      }
    }
    if (numbers.length > 0) integers.set(name, numbers);
  }
  return { op, domain, inputs, outputs, integers, tensors, captured, span: wholeOf(field) };
}

function valuesRead(source: Omit<ProtobufFile, "close">, graph: Span): string[] {
  const read: string[] = [];
  for (const part of inside(source, graph)) {
    if (part.number === GRAPH.output) read.push(readText(source, part, VALUE_INFO.name));
    if (part.number !== GRAPH.node) continue;
    const { inputs, captured } = readNode(source, part);
    read.push(...inputs, ...captured);
  }
  return read;
}

function readElementType(source: Omit<ProtobufFile, "close">, value: Span): number {
  for (const type of inside(source, value)) {
    if (type.number !== VALUE_INFO.type) continue;
    for (const tensor of inside(source, type)) {
      if (tensor.number !== TYPE_TENSOR) continue;
      for (const part of inside(source, tensor)) {
        if (part.number === TENSOR_ELEMENT) return part.value;
      }
    }
  }
  return 0;
}

/** A shape has at most this many elements. */
const VALUES_MAX = 8;

function readTensor(source: Omit<ProtobufFile, "close">, tensor: Span): SmallTensor {
  const dims: number[] = [];
  const values: number[] = [];
  const raw: Span[] = [];
  let type = 0;
  for (const part of inside(source, tensor)) {
    const { number } = part;
    if (number === TENSOR.dims) dims.push(...readIntegers(source, part));
    if (number === TENSOR.data_type) type = part.value;
    if (number === TENSOR.raw_data) raw.push(part);
    if (part.end - part.start > 10 * VALUES_MAX) continue;
    if (number === TENSOR.int64_data) values.push(...readIntegers(source, part));
    if (number === TENSOR.float_data) values.push(...readRaw(source.bytes(part), FLOAT));
  }
  const count = dims.reduce((product, side) => product * side, 1);
  const [bytes] = raw;
  const small = count <= VALUES_MAX;
  if (small && bytes) values.push(...readRaw(source.bytes(bytes), type));
  return { type, rank: dims.length, values: small && values.length === count ? values : null };
}

/** Packed numbers come as one field, unpacked ones in a field each. */
function readIntegers(source: Omit<ProtobufFile, "close">, field: ProtobufField): number[] {
  if (field.start === field.end) return [];
  if (!isPacked(source, field)) return [field.value];
  const numbers: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of source.bytes(field)) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    numbers.push(Number(BigInt.asIntN(64, value)));
    [value, shift] = [0n, 0n];
  }
  return numbers;
}

/** The wire type is in the lowest bits of the tag. */
function isPacked(source: Omit<ProtobufFile, "close">, { tag }: ProtobufField): boolean {
  const [first = 0] = source.bytes({ start: tag, end: tag + 1 });
  return (first & 7) === 2;
}

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const HALF = 10;

function readRaw(bytes: Uint8Array, type: number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (size: number, at: (offset: number) => number) =>
    Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => at(i * size));
  switch (type) {
    case FLOAT:
      return read(4, (offset) => view.getFloat32(offset, true));
    case HALF:
      return read(2, (offset) => view.getFloat16(offset, true));
    case INT32:
      return read(4, (offset) => view.getInt32(offset, true));
    case INT64:
      return read(8, (offset) => Number(view.getBigInt64(offset, true)));
    default:
      return [];
  }
}
