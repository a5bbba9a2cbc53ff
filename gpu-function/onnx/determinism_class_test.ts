// Broken here: GPU functions whose bytes differ draw under one key.
import assert from "node:assert/strict";
import { determinismClass, type DeterminismSettings, isBitwise } from "./determinism_class.ts";

const CPU: DeterminismSettings = {
  provider: "cpu",
  mapped: false,
  exact: true,
  onnxruntime: "npm:onnxruntime-node@1.30.0",
  architecture: "x86_64",
};

Deno.test("each setting that changes bits is in the class", () => {
  assert.equal(determinismClass(CPU), "cpu packed exact onnxruntime-node@1.30.0 x86_64");
  const others: Partial<DeterminismSettings>[] = [
    { provider: "webgpu" },
    { mapped: true },
    { exact: false },
    { onnxruntime: "npm:onnxruntime-node@1.31.0" },
    { architecture: "aarch64" },
  ];
  const classes = [CPU, ...others.map((other) => ({ ...CPU, ...other }))].map(determinismClass);
  assert.equal(new Set(classes).size, 6);
});

Deno.test("bitwise is said of CPUs whose batches are exact, and of nothing else", () => {
  assert.equal(isBitwise(CPU), true);
  assert.equal(isBitwise({ ...CPU, exact: false }), false);
  for (const provider of ["webgpu", "cuda"]) assert.equal(isBitwise({ ...CPU, provider }), false);
});
