/** Times a model's parts and whole runs on this machine, and measures a run's memory. */
import process from "node:process";
import { createLatents, sizeOf } from "../../../gpu-function/diffusion/mod.ts";
import {
  type LoadedModel,
  loadModel,
  releaseModel,
} from "../../../gpu-function/engine/loading/loaded_model.ts";
import type { ModelPackage } from "../../../gpu-function/packages/model_package.ts";
import type { Timed } from "../../../gpu-function/onnx/inference/turns.ts";
import { createEngine } from "../../../gpu-function/engine/onnx_engine.ts";
import { median, timeRun } from "../../engine/engine_runs.ts";

export interface Latency {
  /** Median milliseconds, as in the other `_ms` fields. */
  readonly unet_row_ms: number;
  readonly vae_decode_ms: number;
  readonly text_encode_ms: number;
  /** 50 steps, half of them guided, with the previews that a request gets by default. */
  readonly cutoff_run_ms: number;
  /** Memory of the process after those runs, before the parts are timed. */
  readonly peak_rss_mb: number;
  readonly runs: number;
  readonly cores: number;
  /** Load of the last minute; above the number of cores, other work was waiting for them. */
  readonly load_average: number;
}

const ROWS = 60;
const DECODES = 20;
const TEXTS = 20;
const PROMPT = "a blue bird";

export async function measureLatency(
  modelsDir: string,
  modelPackage: ModelPackage,
  runs: number,
): Promise<Latency> {
  const cutoff_run_ms = median(await timeRuns(modelsDir, modelPackage.manifest.id, runs));
  const peak_rss_mb = process.resourceUsage().maxRSS * 1024 / 1e6;
  const parts = await timeParts(
    await loadModel(modelPackage, { executionProvider: "cpu", intraOpNumThreads: 0, exact: true }),
  );
  return {
    ...parts,
    cutoff_run_ms,
    peak_rss_mb,
    runs,
    cores: navigator.hardwareConcurrency,
    load_average: Deno.loadavg()[0] ?? NaN,
  };
}

/** Returns the wall milliseconds of each run, after one that warms up. */
async function timeRuns(modelsDir: string, model: string, runs: number): Promise<number[]> {
  const engine = await createEngine({ modelsDir, model });
  const request = {
    model,
    prompt: PROMPT,
    seed: 7,
    num_inference_steps: 50,
    cutoff: { guided_fraction: 0.5 },
  };
  await timeRun(engine, request);
  const milliseconds: number[] = [];
  for (let i = 0; i < runs; i++) {
    milliseconds.push((await timeRun(engine, request)).timings.total_ms);
  }
  await engine.close();
  return milliseconds;
}

async function timeParts(model: LoadedModel) {
  const { latents: { channels, vae_scale_factor }, defaults } = model.manifest;
  const shape = [channels, defaults.height / vae_scale_factor, defaults.width / vae_scale_factor];
  const x = createLatents(new Float32Array(sizeOf(shape)).fill(0.5), shape);
  const [{ encoder, tokenizer }] = model.text;
  const { ids } = tokenizer.tokenize(PROMPT);
  const { value: states } = await encoder.encode(ids);
  const row = { x, timestep: 500, states };
  const times = {
    text_encode_ms: await medianOf(TEXTS, () => encoder.encode(ids)),
    unet_row_ms: await medianOf(ROWS, () => model.denoiser.run([row])),
    vae_decode_ms: await medianOf(DECODES, () => model.vaeDecoder.decode(x)),
  };
  await releaseModel(model);
  return times;
}

/** The first run prepares buffers and is not counted. */
async function medianOf(count: number, run: () => Promise<Timed<unknown>>): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push((await run()).milliseconds);
  return median(times);
}
