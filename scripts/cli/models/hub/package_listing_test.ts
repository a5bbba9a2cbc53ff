// If this breaks, a package lacks files that its own record lists, or has gigabytes of unused ones.
import assert from "node:assert/strict";
import { selectPackageFiles } from "./package_listing.ts";

const NEEDED = ["model_index.json", "text_encoder/model.onnx", "unet/model.onnx"];
const CHECKER = [
  "safety_checker/model.onnx",
  "safety_checker/model.onnx_data",
  "feature_extractor/preprocessor_config.json",
];
const OTHERS = ["safety_checker/config.json", "safety_checker/model.safetensors"];

function selected(paths: readonly string[], subfolder = ""): string[] {
  const prefix = subfolder === "" ? "" : `${subfolder}/`;
  const entries = [...NEEDED, "vae_decoder/model.onnx", ...paths].map((path) => ({
    type: "file" as const,
    path: prefix + path,
    size: 10,
    oid: "0".repeat(40),
  }));
  return selectPackageFiles(entries, subfolder).map(({ path }) => path);
}

Deno.test("a safety checker that runs is part of the package, with its image processor", () => {
  for (const subfolder of ["", "onnx"]) {
    const paths = selected([...CHECKER, ...OTHERS], subfolder);
    for (const path of CHECKER) assert(paths.includes(path), path);
    for (const path of OTHERS) assert(!paths.includes(path), path);
  }
});

Deno.test("a safety checker for other frameworks is left where it is", () => {
  const paths = selected([...OTHERS, "feature_extractor/preprocessor_config.json"]);
  assert.deepEqual(paths.filter((path) => /^(safety|feature)/.test(path)), []);
});

Deno.test("further encoders and tokenizers are parts, what is only named like one is none", () => {
  const parts = [
    "text_encoder_2/model.onnx",
    "tokenizer_2/vocab.json",
    "text_encoder_3/config.json",
  ];
  const others = [
    "text_encoder_2_fp16/model.onnx",
    "my_tokenizer_2/vocab.json",
    "vae_encoder/model.onnx",
  ];
  const paths = selected([...parts, ...others]);
  for (const path of parts) assert(paths.includes(path), path);
  for (const path of others) assert(!paths.includes(path), path);
});
