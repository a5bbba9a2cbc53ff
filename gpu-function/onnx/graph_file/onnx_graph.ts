/**
 * Reads the structure of an ONNX file without its weights: operators, inputs, operator set, and the
 * files that hold external weights. Field numbers are those of onnx.proto.
 */
import { existsSync } from "node:fs";
import { refuseLfsPointer } from "./lfs_pointer.ts";
import { openProtobufFile, type ProtobufField, type ProtobufFile } from "./protobuf_file.ts";

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OnnxInput {
  readonly name: string;
  /** Sizes; null is one that the file leaves open. */
  readonly shape: readonly (number | null)[];
}

export interface ExternalWeights {
  /** Path as the file states it, relative to its folder. */
  readonly location: string;
  /** Offset at which its last tensor ends, as far as the graph says. */
  readonly end: number;
}

export interface OnnxGraph {
  /** Version of ONNX's own operator set. */
  readonly opset: number;
  readonly inputs: readonly OnnxInput[];
  readonly nodes: readonly OnnxNode[];
  readonly external: readonly ExternalWeights[];
}

const MODEL = { graph: 7, opset_import: 8 };
const OPERATOR_SET = { domain: 1, version: 2 };
const GRAPH = { node: 1, initializer: 5, input: 11 };
const NODE = { input: 1, output: 2, op_type: 4 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor_type: 1 };
const TENSOR_TYPE = { shape: 2 };
const SHAPE = { dim: 1 };
const DIMENSION = { dim_value: 1 };
const TENSOR = { external_data: 13 };
const ENTRY = { key: 1, value: 2 };

/** @throws RangeError naming the file when it is missing, cut or not an ONNX model */
export function readOnnxGraph(file: string): OnnxGraph {
  if (!existsSync(file)) throw new RangeError(`${file} is missing`);
  refuseLfsPointer(file);
  const source = openProtobufFile(file);
  try {
    return readModel(source);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new RangeError(`${file} is no whole ONNX model: ${cause.message}`, { cause });
  } finally {
    source.close();
  }
}

/** Concatenated messages are one message, so that a graph may come in several parts. */
function readModel(source: ProtobufFile): OnnxGraph {
  const inputs: OnnxInput[] = [];
  const nodes: OnnxNode[] = [];
  const ends = new Map<string, number>();
  let opset: number | null = null;
  let graphs = 0;
  for (const field of source.fields(0, source.size)) {
    if (field.number === MODEL.opset_import) opset = ownOpset(source, field) ?? opset;
    if (field.number !== MODEL.graph) continue;
    graphs += 1;
    for (const part of inside(source, field)) {
      if (part.number === GRAPH.node) nodes.push(readNode(source, part));
      if (part.number === GRAPH.input) inputs.push(readInput(source, part));
      if (part.number === GRAPH.initializer) noteExternal(ends, readExternal(source, part));
    }
  }
  if (graphs === 0) throw new RangeError("it has no graph");
  if (opset === null) throw new RangeError("it names no version of ONNX's operators");
  const external = [...ends].map(([location, end]) => ({ location, end }));
  return { opset, inputs, nodes, external };
}

function inside(source: ProtobufFile, { start, end }: ProtobufField) {
  return source.fields(start, end);
}

function ownOpset(source: ProtobufFile, field: ProtobufField): number | null {
  let domain = "";
  let version = 0;
  for (const part of inside(source, field)) {
    if (part.number === OPERATOR_SET.domain) domain = source.text(part);
    if (part.number === OPERATOR_SET.version) version = part.value;
  }
  return domain === "" || domain === "ai.onnx" ? version : null;
}

function readNode(source: ProtobufFile, field: ProtobufField): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let op = "";
  for (const part of inside(source, field)) {
    if (part.number === NODE.input) inputs.push(source.text(part));
    if (part.number === NODE.output) outputs.push(source.text(part));
    if (part.number === NODE.op_type) op = source.text(part);
  }
  return { op, inputs, outputs };
}

function readInput(source: ProtobufFile, field: ProtobufField): OnnxInput {
  let name = "";
  const shape: (number | null)[] = [];
  for (const part of inside(source, field)) {
    if (part.number === VALUE_INFO.name) name = source.text(part);
    if (part.number !== VALUE_INFO.type) continue;
    for (const type of inside(source, part)) {
      if (type.number === TYPE.tensor_type) shape.push(...readShape(source, type));
    }
  }
  return { name, shape };
}

function* readShape(source: ProtobufFile, tensorType: ProtobufField): Generator<number | null> {
  for (const shape of inside(source, tensorType)) {
    if (shape.number !== TENSOR_TYPE.shape) continue;
    for (const dimension of inside(source, shape)) {
      if (dimension.number !== SHAPE.dim) continue;
      let side: number | null = null;
      for (const part of inside(source, dimension)) {
        if (part.number === DIMENSION.dim_value && part.value > 0) side = part.value;
      }
      yield side;
    }
  }
}

function readExternal(source: ProtobufFile, tensor: ProtobufField): ExternalWeights | null {
  const entries = new Map<string, string>();
  for (const part of inside(source, tensor)) {
    if (part.number !== TENSOR.external_data) continue;
    let key = "";
    for (const half of inside(source, part)) {
      if (half.number === ENTRY.key) key = source.text(half);
      if (half.number === ENTRY.value) entries.set(key, source.text(half));
    }
  }
  const location = entries.get("location");
  if (location === undefined) return null;
  const offset = Number(entries.get("offset") ?? 0);
  return { location, end: offset + Number(entries.get("length") ?? 0) };
}

function noteExternal(ends: Map<string, number>, weights: ExternalWeights | null): void {
  if (!weights) return;
  ends.set(weights.location, Math.max(ends.get(weights.location) ?? 0, weights.end));
}
