// Broken here: a fused graph that computes something else, keeps its large matrices, or loses its taps.
import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { createNoiseSource } from "../../../../gpu-function/diffusion/mod.ts";
import { TINY } from "../fixtures/small_package.ts";
import { fuseAttention } from "./attention_fusion.ts";
import { editedFile } from "./edited_file.ts";
import {
  type DetailedGraph,
  readDetail,
} from "../../../../gpu-function/onnx/graph_file/graph_detail.ts";
import { openProtobufFile } from "../../../../gpu-function/onnx/graph_file/protobuf_file.ts";

const FIXTURES = join(import.meta.dirname!, "fixtures");
const GRAPHS = join(import.meta.dirname!, "../../../../gpu-function/onnx/fixtures");

function fused(file: string, weights: readonly string[] = []) {
  const source = openProtobufFile(file);
  try {
    const { edit, ...counts } = fuseAttention(readDetail(source), new Set(weights));
    const pieces = editedFile(source, readDetail(source), edit);
    const bytes = pieces.map((piece) => piece instanceof Uint8Array ? piece : source.bytes(piece));
    return { counts, bytes: Uint8Array.from(bytes.flatMap((part) => [...part])) };
  } finally {
    source.close();
  }
}

async function detailOf(bytes: Uint8Array): Promise<DetailedGraph> {
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, bytes);
  const source = openProtobufFile(file);
  try {
    return readDetail(source);
  } finally {
    source.close();
    await Deno.remove(file);
  }
}

async function run(graph: string | Uint8Array, shape: readonly number[]): Promise<Float32Array> {
  const errorsOnly = { logSeverityLevel: 3 } as const;
  const session = typeof graph === "string"
    ? await InferenceSession.create(graph, errorsOnly)
    : await InferenceSession.create(graph, errorsOnly);
  const sample = new Tensor("float32", createNoiseSource(5, shape)().data, shape);
  const { out_sample } = await session.run({ sample });
  await session.release();
  assert.ok(out_sample?.data instanceof Float32Array);
  return out_sample.data;
}

/** In float32, of values around 1; 2e-7 to 5e-7 was seen. */
const BOUND = 5e-6;

for (const form of ["traced_heads_in_batch", "traced_heads_apart", "heads_in_batch"]) {
  Deno.test(`${form}: the operator gives the same, for any batch and size`, async () => {
    const file = join(FIXTURES, `${form}.onnx`);
    const { counts, bytes } = fused(file);
    assert.deepEqual(counts, { fused: 1, kept: 0, unknown: 0 });
    const { nodes, domains } = await detailOf(bytes);
    assert.deepEqual([...domains], ["", "com.microsoft"]);
    assert.equal(nodes.filter(({ op }) => op === "MultiHeadAttention").length, 1);
    assert.equal(nodes.filter(({ op }) => op === "Softmax" || op === "Sqrt").length, 0);
    for (const shape of [[1, 16, 4, 4], [3, 16, 6, 2]]) {
      const [before, after] = [await run(file, shape), await run(bytes, shape)];
      const error = Math.max(...before.map((value, i) => Math.abs(value - (after[i] ?? NaN))));
      assert.ok(error <= BOUND, `${shape}: ${error}`);
    }
  });
}

Deno.test("one head, which is an axis of one element, is recognised too", () => {
  const { counts } = fused(join(TINY, "vae_decoder/model.onnx"));
  assert.deepEqual(counts, { fused: 1, kept: 0, unknown: 0 });
});

Deno.test("attention whose weights are shown stays, node for node", async () => {
  const file = join(FIXTURES, "heads_in_batch.onnx");
  const before = await detailOf(await Deno.readFile(file));
  const softmax = before.nodes.flatMap(({ op, outputs }) => op === "Softmax" ? outputs : []);
  const { counts, bytes } = fused(file, softmax);
  assert.deepEqual(counts, { fused: 0, kept: 1, unknown: 0 });
  assert.deepEqual(bytes, await Deno.readFile(file));
});

Deno.test("attention of no known form stays as it is, and is counted", async () => {
  for (const name of ["attention_heads_apart", "attention_heads_in_batch"]) {
    const file = join(GRAPHS, `${name}.onnx`);
    const { counts, bytes } = fused(file);
    assert.deepEqual(counts, { fused: 0, kept: 0, unknown: 2 });
    assert.deepEqual(bytes, await Deno.readFile(file));
  }
});

type Node = DetailedGraph["nodes"][number];

/** Nodes of the attention in a fixture after a change to one of them. */
async function changed(
  find: (node: Node, weights: string, scores: string) => boolean,
  change: (node: Node) => readonly Node[],
): Promise<DetailedGraph> {
  const graph = await detailOf(await Deno.readFile(join(FIXTURES, "traced_heads_apart.onnx")));
  const softmax = graph.nodes.find(({ op }) => op === "Softmax");
  const first = graph.nodes.find((node) =>
    find(node, softmax?.outputs[0] ?? "", softmax?.inputs[0] ?? "")
  );
  assert.ok(first);
  return { ...graph, nodes: graph.nodes.flatMap((node) => node === first ? change(node) : node) };
}

const NEARLY: readonly (readonly [string, ...Parameters<typeof changed>])[] = [
  [
    "it is over the places",
    ({ op }) => op === "Softmax",
    (node) => [{ ...node, integers: new Map([["axis", [2]]]) }],
  ],
  [
    "keys ask queries",
    ({ outputs }, _weights, scores) => outputs.includes(scores),
    (node) => [{ ...node, inputs: [...node.inputs].reverse() }],
  ],
  [
    "heads are not apart",
    ({ op, integers }) => op === "Transpose" && integers.get("perm")?.join() === "0,2,1,3",
    (node) => [{ ...node, integers: new Map([["perm", [0, 1, 2, 3]]]) }],
  ],
  [
    "keys are not turned",
    ({ outputs }, _weights, scores) => outputs.includes(scores),
    (node) => [{ ...node, inputs: node.inputs.map(() => node.inputs[0] ?? "") }],
  ],
  [
    "the size of its mixture is asked for",
    ({ inputs, op }, weights) => op === "MatMul" && inputs[0] === weights,
    (node) => [node, { ...node, op: "Shape", inputs: node.outputs, outputs: ["sides"] }],
  ],
  [
    // With a mask the operator would hold the whole matrix all the same.
    "there is a mask",
    ({ op }) => op === "Softmax",
    (node) => [
      { ...node, op: "Add", inputs: [...node.inputs, "mask"], outputs: ["masked"] },
      { ...node, inputs: ["masked"] },
    ],
  ],
  [
    "its weights go elsewhere too",
    ({ op }) => op === "Softmax",
    (node) => [node, { ...node, op: "Relu", inputs: node.outputs, outputs: ["other"] }],
  ],
];

for (const [name, ...change] of NEARLY) {
  Deno.test(`what only looks like attention stays: ${name}`, async () => {
    const { fused, unknown, edit } = fuseAttention(await changed(...change), new Set());
    assert.deepEqual([fused, unknown, edit.removed.size], [0, 1, 0]);
  });
}
