/** What becomes of runs and sessions when the thread that computes them stops. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceThread } from "./inference_thread.ts";
import { loadSession } from "../session.ts";

const file = join(import.meta.dirname!, "../fixtures/text_encoder_int32.onnx");
const EXPECTED = {
  inputs: [{ name: "input_ids", types: ["int32"], shapes: [[null, 4]] }],
  outputs: [{ name: "last_hidden_state", types: ["float32"], shapes: [[null, 4, null]] }],
} as const;
const CPU = { executionProvider: "cpu", intraOpNumThreads: 1 };
const FEEDS = { input_ids: { data: [3, 1, 4, 1], shape: [1, 4] } };

Deno.test("a thread that stops fails what was under way with its reason, and starts anew", async () => {
  const thread = new InferenceThread(new URL("../fixtures/crashing_worker.ts", import.meta.url));
  const session = await loadSession(file, EXPECTED, { ...CPU, thread });
  const reason = /^Error: The inference thread stopped: planted in cuda/;
  const crash = thread.ask({ ask: "probe", executionProvider: "cuda" });
  const underWay = session.run(FEEDS);
  await assert.rejects(crash, reason);
  await assert.rejects(underWay, reason);
  const { value } = await session.run(FEEDS);
  assert.deepEqual(value["last_hidden_state"]?.data, Float32Array.of(3, 1, 4, 1));
  assert.equal(thread.losses, 1);
  assert.deepEqual({ ...session.usage, milliseconds: 0 }, { runs: 1, rows: 1, milliseconds: 0 });
  await session.release();
});

Deno.test("a session of a stopped thread is released without it", async () => {
  const thread = new InferenceThread(new URL("../fixtures/crashing_worker.ts", import.meta.url));
  const session = await loadSession(file, EXPECTED, { ...CPU, thread });
  await assert.rejects(thread.ask({ ask: "probe", executionProvider: "cpu" }), /planted in cpu/);
  await session.release();
  assert.equal(thread.losses, 1);
});

Deno.test("a view is sent without the bytes around it, and results come back whole", async () => {
  const session = await loadSession(file, EXPECTED, CPU);
  const around = Float32Array.of(9, 9, 3, 1, 4, 1, 9);
  const { value } = await session.run({
    input_ids: { data: around.subarray(2, 6), shape: [1, 4] },
  });
  assert.deepEqual(value["last_hidden_state"]?.data, Float32Array.of(3, 1, 4, 1));
  assert.deepEqual(around, Float32Array.of(9, 9, 3, 1, 4, 1, 9));
  await session.release();
});
