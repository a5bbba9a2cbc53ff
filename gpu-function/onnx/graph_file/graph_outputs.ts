/**
 * Inner values of an ONNX graph as further outputs, without another export. A file is one protobuf
 * message, and messages that follow one another merge: so a ModelProto that holds nothing but
 * `graph.output` names, after the file's own bytes, adds them. Field numbers are those of onnx.proto.
 */
import { join, message, text } from "./protobuf_writer.ts";

const MODEL_GRAPH = 7;
const GRAPH_OUTPUT = 12;
const VALUE_INFO_NAME = 1;

/** @param model an ONNX file's bytes @param names of values inside its graph; types are inferred */
export function withOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  const outputs = names.map((name) => message(GRAPH_OUTPUT, text(VALUE_INFO_NAME, name)));
  return join([model, message(MODEL_GRAPH, ...outputs)]);
}
