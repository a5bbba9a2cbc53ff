/** A run's phases: consecutive steps that are computed alike. Pure arithmetic on step numbers. */
import * as v from "valibot";
import type { Cutoff } from "./planned_cutoff.ts";
import { type Tail, TAILS } from "../request/cutoff.ts";
import { modelCallsInStep } from "./sampler_calls.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

/** Whether a row of such a step is conditioned on the prompt. */
export function seesPrompt({ conditioning }: Pick<Phase, "conditioning">): boolean {
  return conditioning === "guided" || conditioning === "cond";
}

/** The texts that the rows of such a step are conditioned on, in the order of the rows. */
export function textsOf(
  { conditioning, eos_swapped }: Pick<Phase, "conditioning" | "eos_swapped">,
  negative_prompt: string,
): string[] {
  const prompt = eos_swapped ? "swapped" : "prompt";
  if (conditioning === "cond") return [prompt];
  if (conditioning !== "guided") return ["empty"];
  return [negative_prompt.trim() === "" ? "empty" : "negative", prompt];
}

/** Steps `from` (included) to `to` (excluded), counted from the noise. */
export const plannedPhase = v.object({
  from: count,
  to: count,
  /** How the noise is predicted: by classifier-free guidance (paper, eq. 3), or as in a tail. */
  conditioning: v.picklist(["guided", ...TAILS]),
  /** Whether the prompt's [EOS] states are those of the second prompt. */
  eos_swapped: v.boolean(),
  /** Rows in each call of the model. Most samplers call it once a step. */
  rows: v.picklist([1, 2]),
});

export type Phase = DeepReadonly<v.InferOutput<typeof plannedPhase>>;
export type Conditioning = Phase["conditioning"];

export interface PhaseOptions
  extends Pick<Cutoff, "guided_from" | "guided_steps" | "head" | "tail"> {
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly eos_swap: { readonly from: number; readonly to: number } | null;
}

/** Phases in order, covering every step once, equal neighbours merged, empty ones left out. */
export function planPhases(options: PhaseOptions): Phase[] {
  const { num_inference_steps, guided_from, guided_steps, eos_swap } = options;
  const interval = [guided_from, guided_from + guided_steps];
  const borders = [0, ...interval, eos_swap?.from ?? 0, eos_swap?.to ?? 0, num_inference_steps];
  const cuts = [...new Set(borders)].sort((x, y) => x - y);
  return mergeAlike(
    cuts.slice(0, -1).map((from, i) => phaseAt(from, cuts[i + 1] ?? num_inference_steps, options)),
  );
}

/** The phases if guidance ends before `step`: later guided steps become the tail. */
export function endGuidance(phases: readonly Phase[], step: number, tail: Tail): Phase[] {
  const pieces = phases.flatMap((phase) => {
    if (phase.conditioning !== "guided" || phase.to <= step) return [phase];
    const from = Math.max(phase.from, step);
    const eos_swapped = phase.eos_swapped && seesPrompt({ conditioning: tail });
    const cut = { ...phase, from, conditioning: tail, eos_swapped, rows: 1 } as const;
    return from > phase.from ? [{ ...phase, to: from }, cut] : [cut];
  });
  return mergeAlike(pieces);
}

function mergeAlike(pieces: readonly Phase[]): Phase[] {
  const phases: Phase[] = [];
  for (const phase of pieces) {
    const last = phases.at(-1);
    if (last && isAlike(last, phase)) phases[phases.length - 1] = { ...last, to: phase.to };
    else phases.push(phase);
  }
  return phases;
}

function phaseAt(from: number, to: number, options: PhaseOptions): Phase {
  const { eos_swap } = options;
  const conditioning = conditioningAt(from, options);
  const inWindow = eos_swap !== null && from >= eos_swap.from && from < eos_swap.to;
  return {
    from,
    to,
    conditioning,
    eos_swapped: inWindow && seesPrompt({ conditioning }),
    rows: conditioning === "guided" ? 2 : 1,
  };
}

function conditioningAt(
  step: number,
  { guided_from, guided_steps, guidance_scale, head, tail }: PhaseOptions,
): Conditioning {
  if (step < guided_from) return head;
  if (step >= guided_from + guided_steps) return tail;
  // At w = 1 guidance is the conditional prediction itself, so the other row would be wasted.
  return guidance_scale === 1 ? "cond" : "guided";
}

function isAlike(a: Phase, b: Phase): boolean {
  return a.conditioning === b.conditioning && a.eos_swapped === b.eos_swapped;
}

export const plannedEvaluations = v.object({
  /** Rows of the model that the run will spend. */
  planned: count,
  /** Rows of the same run with guidance in every step. */
  full: count,
  /** `1 - planned / full`. */
  saved: v.number(),
});

export type PlannedEvaluations = DeepReadonly<v.InferOutput<typeof plannedEvaluations>>;

/** What a run has cost, and what it was planned to cost. */
export const spentEvaluations = v.object({
  planned: plannedEvaluations.entries.planned,
  /** Rows that the model ran for this generation or sweep. */
  spent: count,
  /** Rows that another generation had already evaluated. */
  shared: count,
  full: plannedEvaluations.entries.full,
  /** `1 - (spent + shared) / full` after a success, else `1 - planned / full`. */
  saved: plannedEvaluations.entries.saved,
});

export type SpentEvaluations = DeepReadonly<v.InferOutput<typeof spentEvaluations>>;

export function countEvaluations(
  phases: readonly Phase[],
  { num_inference_steps, guidance_scale, sampler }: PhaseOptions & { readonly sampler: string },
): PlannedEvaluations {
  const run = { num_inference_steps, sampler };
  const planned = rowsBefore(phases, num_inference_steps, run);
  const calls = rowsBefore(
    phases.map((phase) => ({ ...phase, rows: 1 })),
    num_inference_steps,
    run,
  );
  const full = calls * (guidance_scale === 1 ? 1 : 2);
  return { planned, full, saved: 1 - planned / full };
}

/** Rows of the steps before `end`. */
export function rowsBefore(
  phases: readonly Pick<Phase, "from" | "to" | "rows">[],
  end: number,
  { num_inference_steps, sampler }: {
    readonly num_inference_steps: number;
    readonly sampler: string;
  },
): number {
  let rows = 0;
  for (const phase of phases) {
    for (let step = phase.from; step < Math.min(phase.to, end); step++) {
      rows += phase.rows * modelCallsInStep(sampler, step, num_inference_steps);
    }
  }
  return rows;
}

/** The phase of a step. @throws RangeError when the step lies outside the run. */
export function phaseOfStep(phases: readonly Phase[], step: number): Phase {
  const phase = phases.find(({ from, to }) => step >= from && step < to);
  if (!phase) throw new RangeError(`Step ${step} is in no phase`);
  return phase;
}
