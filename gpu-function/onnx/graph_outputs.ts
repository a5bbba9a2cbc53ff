/**
 * Inner values of an ONNX graph as further outputs, without another export. A file is one protobuf
 * message, and messages put one behind the other merge: so a ModelProto that holds nothing but
 * `graph.output` names, behind the file's own bytes, adds them. Field numbers are those of onnx.proto.
 */

const MODEL_GRAPH = 7;
const GRAPH_OUTPUT = 12;
const VALUE_INFO_NAME = 1;

/** @param model an ONNX file's bytes @param names of values inside its graph; types are inferred */
export function withOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  const outputs = names.map((name) =>
    message(GRAPH_OUTPUT, message(VALUE_INFO_NAME, new TextEncoder().encode(name)))
  );
  return join([model, message(MODEL_GRAPH, join(outputs))]);
}

/** A field of the kind that says its length first. */
function message(field: number, content: Uint8Array): Uint8Array {
  return join([Uint8Array.from([...varint(field << 3 | 2), ...varint(content.length)]), content]);
}

/** Seven bits a byte, lowest first; the top bit says that more follow. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(value >> 7)];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
