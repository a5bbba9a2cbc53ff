// Where graphs of each kind can be cut: at the skip connections of a U-Net, and nowhere else.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readOnnxGraph } from "../../../../gpu-function/onnx/graph_file/onnx_graph.ts";
import { skipCuts } from "./skip_cuts.ts";

const ROOT = new URL("../../../../", import.meta.url);
const graphIn = (path: string) => readOnnxGraph(fileURLToPath(new URL(path, ROOT)));
const fixture = (name: string) => graphIn(`tests/parity/fixtures/${name}/package/unet/model.onnx`);

const input = (name: string, rank: number) => ({ name, shape: Array<null>(rank).fill(null) });
const node = (op: string, inputs: readonly string[], output: string) => ({
  op,
  inputs,
  outputs: [output],
});
const GRAPH = { opset: 17, external: [] };

Deno.test("the embedded model's cuts are the deeper inputs of its joins, the shallowest first", () => {
  const cuts = skipCuts(graphIn("gpu-function/models/mini/unet/model.onnx"));
  assert.deepEqual(cuts, ["add_51", "conv2d_17", "add_39"]);
});

Deno.test("other U-Nets have a cut at each of their four skip connections but the deepest", () => {
  const counts = { sd1: 3, sd2_base: 3, sd2_v: 3 };
  for (const [name, count] of Object.entries(counts)) {
    const cuts = skipCuts(fixture(name));
    assert.equal(cuts.length, count, `${name}: ${cuts}`);
  }
});

Deno.test("a transformer has none", () => {
  assert.deepEqual(
    skipCuts(graphIn("tests/parity/fixtures/pixart/package/transformer/model.onnx")),
    [],
  );
});

Deno.test("what is joined besides latents, or of more than two parts, is no skip connection", () => {
  const nodes = [
    node("Sin", ["timestep"], "sin"),
    node("Cos", ["timestep"], "cos"),
    node("Concat", ["sin", "cos"], "embedding"),
    node("Conv", ["sample"], "down"),
    node("Shape", ["down"], "shape"),
    node("Shape", ["sample"], "other_shape"),
    node("Concat", ["shape", "other_shape"], "shapes"),
    node("Conv", ["down"], "deeper"),
    node("Conv", ["deeper"], "up"),
    node("Concat", ["down", "deeper", "up"], "three"),
    node("Concat", ["down", "text"], "with_text"),
    node("Concat", ["down", "up"], "joined"),
  ];
  const inputs = [input("sample", 4), input("timestep", 1), input("text", 3)];
  assert.deepEqual(skipCuts({ ...GRAPH, inputs, nodes }), ["up"]);
});

Deno.test("the deeper input is the one on the longer way, wherever it stands", () => {
  const nodes = (joined: readonly string[]) => [
    node("Conv", ["sample"], "skip"),
    node("Conv", ["skip"], "low"),
    node("Conv", ["low"], "up"),
    node("Concat", joined, "out"),
  ];
  for (const joined of [["skip", "up"], ["up", "skip"]]) {
    const graph = { ...GRAPH, inputs: [input("sample", 4)], nodes: nodes(joined) };
    assert.deepEqual(skipCuts(graph), ["up"]);
  }
});
