/** Times runs of the engine in one process; their requests differ only in what is compared. */
import {
  type GenerationEventOf,
  type GenerationRequestInput,
  type ModelManifest,
  parseGenerationRequest,
  ProblemError,
} from "../../contract/mod.ts";
import { type Engine, WEIGHTS_MODES, type WeightsMode } from "../../gpu-function/jobs/engine.ts";
import { chooseProvider } from "../../gpu-function/onnx/provider.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { modelsFolder } from "../command_line/models_folder.ts";
import { parseStrictly, UsageError } from "../command_line/command_line.ts";

export type Completed = GenerationEventOf<"generation.completed">;

const TEXT_FLAGS = ["models", "model", "provider", "weights"] as const;
/** Each flag's largest allowed value. */
const COUNT_FLAGS = { rows: 256, size: 4096, steps: 1000, runs: 1000 } as const;

type TextFlag = typeof TEXT_FLAGS[number];
type CountFlag = keyof typeof COUNT_FLAGS;
export type BenchFlags =
  & { readonly [flag in TextFlag]?: string | undefined }
  & { readonly [flag in CountFlag]?: number | undefined };

/**
 * Returns the flags of a benchmark, or null when help was asked for.
 * @param known flags that the benchmark takes
 * @throws UsageError for any other flag, and for a number out of its bounds
 */
export function parseBenchFlags(
  args: readonly string[],
  known: readonly (TextFlag | CountFlag)[],
): BenchFlags | null {
  const { values, positionals } = parseStrictly(args, {
    ...Object.fromEntries(known.map((flag) => [flag, { type: "string" }])),
    help: { type: "boolean", short: "h" },
  });
  if (positionals.length > 0) {
    throw new UsageError(`A benchmark takes flags only, given ${positionals[0]}; see --help`);
  }
  if (values["help"]) return null;
  const given = Object.entries(values).map(([flag, value]) => [flag, String(value)] as const);
  return Object.fromEntries(given.map(([flag, value]) => [flag, readFlag(flag, value)]));
}

function readFlag(flag: string, given: string): string | number {
  if (!(flag in COUNT_FLAGS)) return given;
  const max = COUNT_FLAGS[flag as CountFlag];
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${flag} must be an integer from 1 to ${max}, given ${given}`);
}

/** Returns the number of runs from `--runs`, or null when help was asked for. */
export function parseRuns(args: readonly string[], standard: number): number | null {
  const flags = parseBenchFlags(args, ["runs"]);
  return flags === null ? null : flags.runs ?? standard;
}

/** @param rowsMax rows in one batch at most; the engine's own number by default */
export async function openEngine(rowsMax?: number): Promise<Engine> {
  const options = { modelsDir: modelsFolder(), model: "mini" };
  return await createEngine(rowsMax === undefined ? options : { ...options, rowsMax });
}

/**
 * Opens one model on the first listed provider that this machine has.
 * @throws UsageError or RangeError
 */
export async function openModel(
  { models, model, provider = "cpu", weights = "packed", rows = 1 }:
    & BenchFlags
    & { readonly models: string },
): Promise<{ engine: Engine; manifest: ModelManifest; provider: string }> {
  const choice = await chooseProvider(provider.split(",").map((name) => name.trim()));
  const engine = await createEngine({
    modelsDir: models,
    executionProvider: choice.provider,
    weights: readWeights(weights),
    rowsMax: rows,
    ...(model === undefined ? {} : { model }),
  });
  const [manifest, ...others] = engine.models;
  if (manifest && others.length === 0) return { engine, manifest, provider: choice.provider };
  await engine.close();
  const ids = engine.models.map(({ id }) => id).join(", ");
  throw new UsageError(`--model must name one of ${ids}, given nothing`);
}

function readWeights(given: string): WeightsMode {
  const mode = WEIGHTS_MODES.find((mode) => mode === given);
  if (mode) return mode;
  throw new UsageError(`--weights must be one of ${WEIGHTS_MODES.join(", ")}, given ${given}`);
}

/** Runs to the end and returns the terminal event. @param onStep called as each step ends */
export async function timeRun(
  engine: Engine,
  input: GenerationRequestInput,
  onStep: () => void = () => {},
): Promise<Completed> {
  const request = parseGenerationRequest(input);
  if (!request.ok) throw new ProblemError(request.problem);
  const plan = engine.plan(request.value);
  if (!plan.ok) throw new ProblemError(plan.problem);
  for await (const event of engine.generate(plan.value, new AbortController().signal)) {
    if (event.type === "generation.step") onStep();
    if (event.type === "generation.completed") return event;
  }
  throw new Error("The run ended without its terminal event");
}

export interface ObservedRows {
  readonly completed: Completed;
  /** Milliseconds per row of the denoiser, from the first step's end to the last step's. */
  readonly wallMs: number;
  /** The part of `wallMs` that is spent inside onnxruntime. */
  readonly inferenceMs: number;
}

/** Runs at least 2 steps. @throws UsageError for fewer, which leave no row to time */
export async function observeRows(
  engine: Engine,
  input: GenerationRequestInput,
): Promise<ObservedRows> {
  const ends: { now: number; rows: number; inferenceMs: number }[] = [];
  const completed = await timeRun(engine, input, () => {
    const { unetRows: rows, inferenceMs } = engine.counters;
    ends.push({ now: performance.now(), rows, inferenceMs });
  });
  const [first, last] = [ends[0], ends.at(-1)];
  if (!first || !last || last.rows === first.rows) {
    throw new UsageError(`--steps must be at least 2 to time a row, given ${ends.length}`);
  }
  const rows = last.rows - first.rows;
  return {
    completed,
    wallMs: (last.now - first.now) / rows,
    inferenceMs: (last.inferenceMs - first.inferenceMs) / rows,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** Prints the criterion with the number measured, and sets the exit code. */
export function judge(criterion: string, measured: string, met: boolean): void {
  console.log(`${met ? "met" : "NOT MET"}: ${criterion}; measured ${measured}`);
  if (!met) Deno.exitCode = 1;
}
