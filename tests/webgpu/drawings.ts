/**
 * Draws on one execution provider, in this process or in one of its own: a process finds its drivers
 * in the environment in which it starts.
 */
import * as v from "valibot";
import {
  type GenerationEvent,
  type GenerationRequestInput,
  parseGenerationRequest,
} from "../../contract/mod.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import type { Engine } from "../../gpu-function/jobs/engine.ts";

export interface DrawingTask {
  readonly provider: string;
  readonly modelsDir: string;
  readonly requests: readonly GenerationRequestInput[];
}

const drawing = v.object({
  /** Base64. */
  image: v.string(),
  /** `guidance_norm_ratio` of the guided steps, which shows bits that pixels round away. */
  ratios: v.array(v.number()),
});
const drawings = v.object({
  determinismClass: v.string(),
  /** Models that cannot be served, with the reason. */
  unavailable: v.array(v.object({ id: v.string(), reason: v.string() })),
  /** In the order of the requests; those of models that cannot be served are left out. */
  drawn: v.array(drawing),
  /** Files in the memory of the process. */
  mapped: v.array(v.string()),
});

export type Drawing = v.InferOutput<typeof drawing>;
export type Drawings = v.InferOutput<typeof drawings>;

/** @throws Error where a request is refused or a run fails */
export async function draw({ provider, modelsDir, requests }: DrawingTask): Promise<Drawings> {
  const engine = await createEngine({
    modelsDir,
    executionProvider: provider,
    intraOpNumThreads: 1,
    // A driver without a GPU takes seconds for a row: what runs have in common is evaluated once, and
    // no batch is tried out.
    rowMemoryBytes: 2 ** 24,
    rowsMax: 1,
  });
  try {
    const { determinismClass, unavailable } = engine;
    const served = requests.filter(({ model }) => unavailable.every(({ id }) => id !== model));
    const drawn: Drawing[] = [];
    for (const request of served) drawn.push(drawingOf(await run(engine, request)));
    return { determinismClass, unavailable: [...unavailable], drawn, mapped: await mappedFiles() };
  } finally {
    await engine.close();
  }
}

async function run(engine: Engine, input: GenerationRequestInput): Promise<GenerationEvent[]> {
  const request = parseGenerationRequest(input);
  if (!request.ok) throw new Error(request.problem.detail);
  const plan = engine.plan(request.value);
  if (!plan.ok) throw new Error(plan.problem.detail);
  return await Array.fromAsync(engine.generate(plan.value, new AbortController().signal));
}

function drawingOf(events: readonly GenerationEvent[]): Drawing {
  const image = events.find((event) => event.type === "generation.image");
  const last = events.at(-1);
  if (!image || last?.type !== "generation.completed") throw new Error(JSON.stringify(last));
  const ratios = events.flatMap((event) =>
    event.type === "generation.step" ? event.guidance_norm_ratio ?? [] : []
  );
  return { image: image.data, ratios };
}

/** Only Linux shows them. */
async function mappedFiles(): Promise<string[]> {
  const lines = await Deno.readTextFile("/proc/self/maps").catch(() => "");
  return [...new Set(lines.match(/(?<=\s)\/.*$/gm))];
}

/** @throws Error with what the process said where it does not end by itself with code 0 */
export async function drawApart(
  task: DrawingTask,
  env: Readonly<Record<string, string>>,
): Promise<Drawings> {
  const { success, code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", import.meta.filename ?? "", JSON.stringify(task)],
    env,
  }).output();
  const said = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`The drawing process ended with ${signal ?? code}: ${said}`);
  return v.parse(drawings, JSON.parse(new TextDecoder().decode(stdout)));
}

if (import.meta.main) console.log(JSON.stringify(await draw(JSON.parse(Deno.args[0] ?? ""))));
