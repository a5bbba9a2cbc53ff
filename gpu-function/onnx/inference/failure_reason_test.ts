// Broken here: an operator reads onnxruntime's source lines instead of what is wrong with the package.
import assert from "node:assert/strict";
import { failureReason } from "./failure_reason.ts";

const HALVES = "it computes in fp16, which WebGPU cannot on this device; use an export in float32";

/** What onnxruntime 1.30 said, and what is to be read. */
const SAID: readonly (readonly [said: string, reason: string])[] = [
  [
    "shader_helper.cc:416 GenerateSourceCode Program Transpose requires f16 but the device does not " +
    "support it.",
    HALVES,
  ],
  [
    "Non-zero status code returned while running Gather node. Name:'node_embedding' Status Message: " +
    "shader_helper.cc:416 GenerateSourceCode Program Gather requires f16 but the device does not " +
    "support it.",
    HALVES,
  ],
  ["Load model from unet/model.onnx failed:Protobuf parsing failed.", "Protobuf parsing failed."],
  [
    "Failed to get a WebGPU adapter: No supported adapters\n  at native code",
    "Failed to get a WebGPU adapter: No supported adapters",
  ],
];

for (const [said, reason] of SAID) {
  Deno.test(`onnxruntime's reason is one clear line: ${reason}: ${said.slice(0, 20)}`, () => {
    assert.equal(failureReason(new Error(said)), reason);
  });
}
