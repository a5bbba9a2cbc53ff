/**
 * A package's denoiser with a float timestep instead of an integer one, as some exporters write it. Only
 * then can a model see the fractional timesteps of Euler and Heun; integers are cut off, here as in optimum.
 */
import { readOnnxGraph } from "../../scripts/models/onnx_graph.ts";

const INT64 = 7;
const FLOAT = 1;

/** Operators that give what they get, in another shape. */
const SHAPING = new Set(["Unsqueeze", "Squeeze", "Expand", "Reshape", "Identity"]);

/** Rewrites the declared types from the input to where the graph itself casts it to float. */
export async function makeTimestepFloat(file: string): Promise<void> {
  const names = new Set(["timestep"]);
  for (const { op, inputs, outputs } of readOnnxGraph(file).nodes) {
    if (SHAPING.has(op) && names.has(inputs[0] ?? "")) {
      for (const name of outputs) names.add(name);
    }
  }
  const bytes = await Deno.readFile(file);
  let changed = 0;
  for (const name of names) changed += retype(bytes, name);
  if (changed !== names.size) throw new Error(`${file}: ${changed} of ${names.size} types found`);
  await Deno.writeFile(file, bytes);
}

/**
 * onnx.proto: ValueInfoProto { string name = 1; TypeProto type = 2 }, TypeProto { Tensor tensor_type = 1 },
 * Tensor { int32 elem_type = 1 }. The types are short, so each length is one byte.
 */
function retype(bytes: Uint8Array, name: string): number {
  const head = [0x0a, name.length, ...new TextEncoder().encode(name), 0x12];
  let changed = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    const type = at + head.length + 1;
    const isType = bytes[type] === 0x0a && bytes[type + 2] === 0x08 && bytes[type + 3] === INT64;
    if (!isType || !head.every((byte, i) => bytes[at + i] === byte)) continue;
    bytes[type + 3] = FLOAT;
    changed += 1;
  }
  return changed;
}
