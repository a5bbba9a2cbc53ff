// A graph that begins at an inner value: what is left of the file, and that onnxruntime runs it.
import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { withTinyGraph } from "../../fixtures/tiny_graph.ts";
import { readShallowGraph } from "./shallow_graph.ts";

const side = (name: string) => ({ name, type: "float32" as const, shape: ["n"] });
const GRAPH = {
  inputs: [side("x"), side("text")],
  outputs: [side("y")],
  nodes: [
    { op: "Neg", inputs: ["x"], output: "down" },
    { op: "Exp", inputs: ["down"], output: "deep" },
    { op: "Mul", inputs: ["deep", "text"], output: "up" },
    { op: "Add", inputs: ["up", "down"], output: "y" },
  ],
};

const values = (...data: number[]) => new Tensor("float32", Float32Array.from(data), [data.length]);

Deno.test("what only led to the value is left out, inputs included", async () => {
  await withTinyGraph(GRAPH, async (file) => {
    const cases = [
      {
        name: "deep",
        inputs: ["x", "text", "deep"],
        feeds: { x: values(3), text: values(5), deep: values(7) },
      },
      { name: "up", inputs: ["x", "up"], feeds: { x: values(3), up: values(7) } },
    ];
    for (const { name, inputs, feeds } of cases) {
      const session = await InferenceSession.create(
        readShallowGraph(file, { name, type: "float32" }),
      );
      assert.deepEqual(session.inputNames, inputs);
      const { y } = await session.run(feeds);
      // -3 is the skip connection; the exponential was left out.
      assert.deepEqual([...y?.data ?? []], [name === "deep" ? 7 * 5 - 3 : 7 - 3]);
      await session.release();
    }
  });
});

Deno.test("a value that the graph does not compute is refused", async () => {
  await withTinyGraph(GRAPH, (file) => {
    for (const name of ["x", "nothing", ""]) {
      assert.throws(
        () => readShallowGraph(file, { name, type: "float32" }),
        { name: "RangeError", message: `the graph has no inner value ${name}` },
      );
    }
    return Promise.resolve();
  });
});
