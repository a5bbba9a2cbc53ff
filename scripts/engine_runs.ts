/** Timed runs of the engine for the benchmarks: same process, same request but for what is compared. */
import { parseArgs } from "node:util";
import {
  type GenerationEventOf,
  type GenerationRequestInput,
  parseGenerationRequest,
  ProblemError,
} from "../contract/mod.ts";
import type { Engine } from "../gpu-function/engine.ts";
import { modelsFolder, UsageError } from "./generation_flags.ts";
import { createEngine } from "../gpu-function/onnx_engine.ts";

export type Completed = GenerationEventOf<"generation.completed">;

/** Number of runs from `--runs`, or null when help was asked for. */
export function parseRuns(args: readonly string[], standard: number): number | null {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) return null;
  const runs = Number(values.runs ?? standard);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 1000) return runs;
  throw new UsageError(`--runs must be an integer from 1 to 1000, given ${values.runs}`);
}

export async function openEngine(): Promise<Engine> {
  return await createEngine({ modelsDir: modelsFolder(), model: "mini" });
}

/** Runs to the end and returns the terminal event. */
export async function timeRun(engine: Engine, input: GenerationRequestInput): Promise<Completed> {
  const request = parseGenerationRequest(input);
  if (!request.ok) throw new ProblemError(request.problem);
  const plan = engine.plan(request.value);
  if (!plan.ok) throw new ProblemError(plan.problem);
  for await (const event of engine.generate(plan.value, new AbortController().signal)) {
    if (event.type === "generation.completed") return event;
  }
  throw new Error("The run ended without its terminal event");
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
