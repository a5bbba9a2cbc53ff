// An image that diffusers' checker flags was shown, or one that it lets pass was withheld.
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { type GenerationEvent, parseGenerationRequest, ProblemError } from "../../contract/mod.ts";
import { createEngine } from "../engine/onnx_engine.ts";
import { hashPackage } from "../packages/package_digest.ts";
import { readModelPackage } from "../packages/model_package.ts";
import type { SafetyMode } from "../jobs/engine.ts";
import { loadSafetyChecker } from "./safety_checker.ts";

const root = join(import.meta.dirname!, "../..");
const fixture = join(root, "tests/parity/fixtures/safety_checker");
const options = { executionProvider: "cpu", intraOpNumThreads: 1 };

async function readRgb(file: string) {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({
    resolveWithObject: true,
  });
  return { width: info.width, height: info.height, data: new Uint8Array(data) };
}

Deno.test("the checker says of each image what diffusers' own says", async () => {
  const goldens: { file: string; flagged: boolean }[] = JSON.parse(
    await readFile(join(fixture, "goldens.json"), "utf8"),
  );
  const checker = await loadSafetyChecker({
    graph: join(fixture, "safety_checker/model.onnx"),
    processor: join(fixture, "feature_extractor"),
  }, options);
  try {
    for (const { file, flagged } of goldens) {
      const verdict = await checker.check(await readRgb(join(fixture, file)));
      assert.equal(verdict.flagged, flagged, file);
    }
    assert.deepEqual([...new Set(goldens.map(({ flagged }) => flagged))].sort(), [false, true]);
  } finally {
    await checker.session.release();
  }
});

type Graph = "safety_flags_all" | "safety_flags_none";

/** The embedded model with a checker of one node, in a folder of its own. */
async function withPackage(
  graph: Graph | null,
  test: (modelsDir: string) => Promise<void>,
): Promise<void> {
  const modelsDir = await mkdtemp(join(tmpdir(), "safety-"));
  const folder = join(modelsDir, "mini");
  try {
    await cp(join(root, "gpu-function/models/mini"), folder, { recursive: true });
    if (graph) await addChecker(folder, graph);
    await test(modelsDir);
  } finally {
    await rm(modelsDir, { recursive: true });
  }
}

async function addChecker(folder: string, graph: Graph): Promise<void> {
  const processor = { size: 8, crop_size: 8, do_center_crop: true };
  await mkdir(join(folder, "safety_checker"));
  await mkdir(join(folder, "feature_extractor"));
  const source = join(root, "gpu-function/onnx/fixtures", `${graph}.onnx`);
  await cp(source, join(folder, "safety_checker/model.onnx"));
  const file = join(folder, "feature_extractor/preprocessor_config.json");
  await writeFile(file, JSON.stringify(processor));
  const { digest: _, files: __, ...own } = JSON.parse(
    await readFile(join(folder, "shapefirst.json"), "utf8"),
  );
  await writeFile(join(folder, "shapefirst.json"), JSON.stringify(own));
}

async function runOnce(graph: Graph | null, safety?: SafetyMode) {
  const events: GenerationEvent[] = [];
  let failure: unknown = null;
  await withPackage(graph, async (modelsDir) => {
    const engine = await createEngine({
      modelsDir,
      intraOpNumThreads: 1,
      ...(safety ? { safety } : {}),
    });
    try {
      const previews = { every: 1 };
      const request = { prompt: "a bird", seed: 7, num_inference_steps: 2, previews };
      const parsed = parseGenerationRequest(request);
      assert(parsed.ok);
      const plan = engine.plan(parsed.value);
      assert(plan.ok);
      const signal = new AbortController().signal;
      for await (const event of engine.generate(plan.value, signal)) events.push(event);
    } catch (error) {
      failure = error;
    } finally {
      await engine.close();
    }
  });
  const image = events.find((event) => event.type === "generation.image");
  const previews = events.filter(({ type }) => type === "generation.preview").length;
  return { image, previews, failure, end: events.at(-1)?.type };
}

// checker, mode -> what its event says, previews
const SHOWN: readonly [
  Graph | null,
  SafetyMode | undefined,
  { flagged: boolean } | null,
  number,
][] = [
  ["safety_flags_all", undefined, { flagged: true }, 1],
  ["safety_flags_all", "report", { flagged: true }, 1],
  ["safety_flags_none", "report", { flagged: false }, 1],
  ["safety_flags_none", "refuse", { flagged: false }, 0],
  ["safety_flags_all", "off", null, 1],
  [null, "refuse", null, 1],
];

for (const [graph, mode, safety, previews] of SHOWN) {
  Deno.test(`with ${graph ?? "no checker"}, ${mode ?? "by default"}, the event says ${JSON.stringify(safety)}`, async () => {
    const shown = await runOnce(graph, mode);
    assert.equal(shown.failure, null);
    assert.deepEqual([shown.image?.safety, shown.end], [safety, "generation.completed"]);
    assert.equal(shown.previews, previews);
  });
}

Deno.test("where flagged images are refused the run fails, and no picture of it has left", async () => {
  const { failure, image, previews } = await runOnce("safety_flags_all", "refuse");
  assert(failure instanceof ProblemError);
  assert.deepEqual([failure.problem.code, failure.problem.status], ["image_refused", 422]);
  assert.deepEqual([image, previews], [undefined, 0]);
});

Deno.test("the checker's files are in the package's digest, those of other frameworks are not", async () => {
  await withPackage(null, async (modelsDir) => {
    const folder = join(modelsDir, "mini");
    const { manifest: { digest } } = await readModelPackage(folder);
    await mkdir(join(folder, "safety_checker"));
    await writeFile(join(folder, "safety_checker/model.safetensors"), "weights");
    assert.equal((await readModelPackage(folder)).manifest.digest, digest);
    await rm(join(folder, "safety_checker"), { recursive: true });
    await addChecker(folder, "safety_flags_all");
    const paths = (await hashPackage(folder)).map(({ path }) => path);
    assert(paths.includes("safety_checker/model.onnx"));
    assert(paths.includes("feature_extractor/preprocessor_config.json"));
    assert.notEqual((await readModelPackage(folder)).manifest.digest, digest);
  });
});

Deno.test("a checker without its image processor is refused by name", async () => {
  await withPackage("safety_flags_all", async (modelsDir) => {
    await rm(join(modelsDir, "mini/feature_extractor"), { recursive: true });
    const message = /feature_extractor\/preprocessor_config\.json must be there as JSON/;
    await assert.rejects(createEngine({ modelsDir }), message);
  });
});
