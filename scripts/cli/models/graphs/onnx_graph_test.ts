// The reader of ONNX files agrees with onnxruntime on every property that is read.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { crossAttentionTaps } from "./cross_attention.ts";
import { GRAPHS, MINI } from "../fixtures/small_package.ts";
import { OPSET_MAX } from "./graph_inspection.ts";
import {
  type OnnxGraph,
  readOnnxGraph,
} from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";

Deno.test("inputs, operators and operator set are read", () => {
  const graph = readOnnxGraph(join(GRAPHS, "timestep_per_row_int64.onnx"));
  assert.equal(graph.opset, 17);
  assert.deepEqual(graph.inputs, [
    { name: "sample", shape: [null, 2, null, null] },
    { name: "timestep", shape: [null] },
    { name: "encoder_hidden_states", shape: [null, null, 3] },
  ]);
  assert.deepEqual(graph.nodes.map(({ op }) => op), [
    ...["Cast", "Reshape", "ReduceSum", "Reshape", "Add", "Add"],
  ]);
  assert.deepEqual(graph.nodes[5], {
    op: "Add",
    inputs: ["x", "s4"],
    outputs: ["out_sample"],
  });
});

Deno.test("onnxruntime takes OPSET_MAX and nothing newer", async () => {
  const graph = await readFile(join(GRAPHS, "timestep_per_row_int64.onnx"));
  const withOpset = (version: number) => graph.with(graph.length - 1, version);
  await (await InferenceSession.create(withOpset(OPSET_MAX))).release();
  await assert.rejects(InferenceSession.create(withOpset(OPSET_MAX + 1)), /opset/);
});

/** Protobuf merges this message into the model: more outputs of its graph. */
function outputsMessage(names: readonly string[]): Uint8Array {
  const outputs = names.flatMap((name) => {
    const bytes = new TextEncoder().encode(name);
    return [12 << 3 | 2, bytes.length + 2, 1 << 3 | 2, bytes.length, ...bytes];
  });
  assert.ok(outputs.length < 1 << 14);
  return Uint8Array.from([7 << 3 | 2, outputs.length & 127 | 128, outputs.length >> 7, ...outputs]);
}

Deno.test("taps are the softmax values over the tokens, all of them and no others", async () => {
  const file = join(MINI, "unet/model.onnx");
  const graph = readOnnxGraph(file);
  const all = graph.nodes.filter(({ op }) => op === "Softmax").flatMap(({ outputs }) => outputs);
  const session = await InferenceSession.create(
    Uint8Array.from([...await readFile(file), ...outputsMessage(all)]),
  );
  const zeros = (...shape: number[]) =>
    new Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b)), shape);
  const results = await session.run({
    sample: zeros(1, 12, 8, 8),
    timestep: new Tensor("float32", [500], [1]),
    encoder_hidden_states: zeros(1, 32, 192),
  }, all);
  const overTokens = all.filter((name) => results[name]?.dims.at(-1) === 32);
  assert.ok(overTokens.length > 0 && overTokens.length < all.length);
  assert.deepEqual(crossAttentionTaps(graph), overTokens);
  await session.release();
});

/** Two attentions as exporters write them: scaled, masked, with sizes read from the latents. */
function attention(keysFrom: string): OnnxGraph["nodes"] {
  return [
    { op: "Shape", inputs: ["sample"], outputs: ["sides"] },
    { op: "MatMul", inputs: ["sample", "wq"], outputs: ["q"] },
    { op: "MatMul", inputs: [keysFrom, "wk"], outputs: ["k_flat"] },
    { op: "Reshape", inputs: ["k_flat", "sides"], outputs: ["k"] },
    { op: "MatMul", inputs: ["q", "k"], outputs: ["scores"] },
    { op: "Mul", inputs: ["scores", "scale"], outputs: ["scaled"] },
    { op: "Add", inputs: ["scaled", "mask"], outputs: ["masked"] },
    { op: "Softmax", inputs: ["masked"], outputs: ["weights"] },
    { op: "MatMul", inputs: ["weights", "v"], outputs: ["mixed"] },
  ];
}

for (const [keysFrom, taps] of [["encoder_hidden_states", ["weights"]], ["sample", []]] as const) {
  Deno.test(`attention with keys from ${keysFrom} is ${taps.length ? "" : "not "}a tap`, () => {
    const graph: OnnxGraph = {
      opset: 17,
      external: [],
      inputs: [
        { name: "sample", shape: [null, 4, 8, 8] },
        { name: "encoder_hidden_states", shape: [null, 64, 16] },
      ],
      nodes: attention(keysFrom),
    };
    assert.deepEqual(crossAttentionTaps(graph), taps);
  });
}
