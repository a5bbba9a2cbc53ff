/** Models that do not fit side by side are served one after the other, and nothing counted is lost. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GenerationEvent,
  parseGenerationRequest,
  ProblemError,
} from "../../../contract/mod.ts";
import type { Engine } from "../../jobs/engine.ts";
import { createEngine } from "../onnx_engine.ts";

const mini = join(import.meta.dirname!, "../../models/mini");

/** Two copies of mini under two names, and an engine whose memory holds one of them. */
async function withTwins(test: (engine: Engine, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    let bytes = 0;
    for (const id of ["one", "two"]) {
      await cp(mini, join(folder, id), { recursive: true });
      const file = join(folder, id, "shapefirst.json");
      const json = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify({ ...json, id }));
      bytes = json.files.reduce((sum: number, each: { bytes: number }) => sum + each.bytes, 0);
    }
    const engine = await createEngine({
      modelsDir: folder,
      intraOpNumThreads: 1,
      memoryBytes: 1.5 * bytes,
    });
    try {
      await test(engine, folder);
    } finally {
      await engine.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

function start(engine: Engine, model: string, signal = new AbortController().signal) {
  const request = parseGenerationRequest({
    model,
    prompt: "a blue bird",
    seed: 7,
    num_inference_steps: 3,
    previews: { every: 0 },
  });
  assert.ok(request.ok);
  const plan = engine.plan(request.value);
  assert.ok(plan.ok);
  return engine.generate(plan.value, signal);
}

const imageOf = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) => event.type === "generation.image" ? [event.sha256] : []);

Deno.test("two models take turns in memory that holds one, and draw as ever", () =>
  withTwins(async (engine) => {
    assert.deepEqual(engine.models.map(({ id }) => id), ["one", "two"]);
    const runs = ["two", "one", "two", "one"].map((id) => Array.fromAsync(start(engine, id)));
    const images = (await Promise.all(runs)).flatMap(imageOf);
    assert.equal(images.length, 4);
    assert.equal(new Set(images).size, 1);
    assert.equal(engine.counters.unetRows, 4 * 6);
    // Each time that a model is loaded, its first guided pair is evaluated alone: that proves the others.
    assert.equal(engine.counters.unetRuns, 4 * (2 + 1 + 1));
    assert.ok(engine.counters.inferenceMs > 0);
  }));

Deno.test("a run that is canceled while it waits for memory ends, and holds nothing up", () =>
  withTwins(async (engine) => {
    const first = start(engine, "one");
    await first.next();
    const cancel = new AbortController();
    const waiting = Array.fromAsync(start(engine, "two", cancel.signal));
    cancel.abort();
    assert.deepEqual(await waiting, []);
    assert.equal((await Array.fromAsync(first)).at(-1)?.type, "generation.completed");
    assert.equal(
      (await Array.fromAsync(start(engine, "two"))).at(-1)?.type,
      "generation.completed",
    );
  }));

Deno.test("a model that turns out damaged when it is asked for fails its own run alone, until it is repaired", () =>
  withTwins(async (engine, folder) => {
    const graph = join(folder, "two/unet/model.onnx");
    await writeFile(graph, "no graph");
    const error = await Array.fromAsync(start(engine, "two")).catch((error) => error);
    assert.ok(error instanceof ProblemError);
    assert.equal(error.problem.code, "model_unavailable");
    assert.match(
      error.problem.detail,
      /^Model two cannot be served: unet.model\.onnx is no whole ONNX model/,
    );
    assert.ok(error.cause instanceof RangeError);
    assert.equal(imageOf(await Array.fromAsync(start(engine, "one"))).length, 1);
    await cp(join(mini, "unet/model.onnx"), graph);
    assert.equal(imageOf(await Array.fromAsync(start(engine, "two"))).length, 1);
  }));

Deno.test("memory below a single model is refused with both sizes", () =>
  assert.rejects(
    createEngine({ modelsDir: join(mini, ".."), memoryBytes: 1_000_000 }),
    /memory must hold each model: mini takes \d+ MB, allowed are 1 MB/,
  ));

/** What may be wrong with a package, and what is said of it. */
const FAULTS: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "cut_json/scheduler/scheduler_config.json": (folder) =>
    writeFile(join(folder, "scheduler/scheduler_config.json"), "{"),
  "closed/shapefirst.json": async (folder) => {
    await rm(join(folder, "shapefirst.json"));
    await mkdir(join(folder, "shapefirst.json"));
  },
  "damaged/unet/model.onnx": (folder) => writeFile(join(folder, "unet/model.onnx"), "no graph"),
  "dangling/unet/model.onnx": async (folder) => {
    await rm(join(folder, "unet/model.onnx"));
    await symlink(join(folder, "nowhere"), join(folder, "unet/model.onnx"));
  },
  "lost/vae_decoder/model.onnx": (folder) => rm(join(folder, "vae_decoder/model.onnx")),
  "swapped/unet/model.onnx": (folder) =>
    cp(join(mini, "vae_decoder/model.onnx"), join(folder, "unet/model.onnx")),
};

async function withFaults(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  try {
    for (const [file, damage] of Object.entries(FAULTS)) {
      const id = file.slice(0, file.indexOf("/"));
      await cp(mini, join(folder, id), { recursive: true });
      const json = JSON.parse(await readFile(join(folder, id, "shapefirst.json"), "utf8"));
      // Recorded sizes would tell before a graph is opened, and many packages have none.
      const own = { ...json, id, digest: undefined, files: undefined };
      await writeFile(join(folder, id, "shapefirst.json"), JSON.stringify(own));
      await damage(join(folder, id));
    }
    await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function refusalOf(engine: Engine, model: string): [code: string, detail: string] {
  const request = parseGenerationRequest({ model, prompt: "a bird", seed: 1 });
  assert.ok(request.ok);
  const plan = engine.plan(request.value);
  assert.ok(!plan.ok);
  return [plan.problem.code, plan.problem.detail];
}

Deno.test("a package that cannot be served takes only itself out of service, with its reason", () =>
  withFaults(async (folder) => {
    await cp(mini, join(folder, "mini"), { recursive: true });
    await cp(mini, join(folder, "twin"), { recursive: true });
    const engine = await createEngine({ modelsDir: folder, intraOpNumThreads: 1 });
    try {
      assert.deepEqual(engine.models.map(({ id }) => id), ["mini"]);
      const reasons = new Map(engine.unavailable.map(({ id, reason }) => [id, reason]));
      assert.equal(reasons.size, 7);
      for (const file of Object.keys(FAULTS)) {
        const reason = reasons.get(file.slice(0, file.indexOf("/"))) ?? "";
        assert.ok(reason.startsWith(file), reason);
      }
      assert.equal(reasons.get("twin"), "twin and mini have the same id, mini");
      assert.equal(imageOf(await Array.fromAsync(start(engine, "mini"))).length, 1);
      assert.deepEqual(refusalOf(engine, "damaged"), [
        "model_unavailable",
        "Model damaged cannot be served: unet/model.onnx is no whole ONNX model: byte 0 begins no field",
      ]);
      assert.deepEqual(refusalOf(engine, "twin"), [
        "model_unavailable",
        "Model twin cannot be served: twin and mini have the same id, mini",
      ]);
      assert.equal(refusalOf(engine, "nowhere")[0], "unknown_model");
    } finally {
      await engine.close();
    }
  }));

Deno.test("a reason names no folder of the machine, however the models' folder is written", () =>
  withFaults(async (folder) => {
    await cp(mini, join(folder, "mini"), { recursive: true });
    const engine = await createEngine({ modelsDir: `${folder}//`, intraOpNumThreads: 1 });
    try {
      assert.equal(engine.unavailable.length, 6);
      for (const { reason } of engine.unavailable) assert.ok(!reason.includes(folder), reason);
    } finally {
      await engine.close();
    }
  }));

Deno.test("where no package can be served, each says why", () =>
  withFaults(async (folder) => {
    const reason = await createEngine({ modelsDir: folder }).catch(({ message }) => message);
    for (const file of Object.keys(FAULTS)) assert.ok(String(reason).includes(file), reason);
  }));
