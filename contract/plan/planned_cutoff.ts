/** Which steps are guided: one interval, spelled in three ways, with its head and its tail. */
import * as v from "valibot";
import { autoCutoff, checkAutoCutoff, planAutoCutoff } from "./planned_auto_cutoff.ts";
import type { GenerationRequest } from "../request/generation_request.ts";
import { HEADS, TAILS } from "../request/cutoff.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

/** The guided steps are `guided_from` (included) to `guided_from + guided_steps` (excluded). */
export const plannedCutoff = v.object({
  guided_from: count,
  guided_steps: count,
  /** The share of all steps that is guided. */
  guided_fraction: v.number(),
  /** The paper's `a`: the steps after the last guided one. */
  a: count,
  head: v.picklist(HEADS),
  tail: v.picklist(TAILS),
  /**
   * Set where the run decides when guidance ends, after `guided_steps` at the latest; else null.
   */
  auto: v.nullable(autoCutoff),
});

export type Cutoff = DeepReadonly<v.InferOutput<typeof plannedCutoff>>;

/** @returns a cutoff that may lie outside the run until `checkCutoff` has seen it */
export function planCutoff(cutoff: GenerationRequest["cutoff"], steps: number): Cutoff {
  const guided_from = cutoff?.guided_from ?? 0;
  const decided = cutoff?.auto ? planAutoCutoff(cutoff.auto, steps - guided_from) : null;
  const guided_steps = decided?.guided_steps ?? guidedSteps(cutoff, steps);
  return {
    guided_from,
    guided_steps,
    guided_fraction: guided_steps / steps,
    a: steps - guided_from - guided_steps,
    head: cutoff?.head ?? "null",
    tail: cutoff?.tail ?? "null",
    auto: decided?.auto ?? null,
  };
}

function guidedSteps(cutoff: GenerationRequest["cutoff"], steps: number): number {
  if (cutoff?.guided_steps !== undefined) return cutoff.guided_steps;
  if (cutoff?.guided_fraction !== undefined) return Math.round(cutoff.guided_fraction * steps);
  return steps - (cutoff?.guided_from ?? 0) - (cutoff?.a ?? 0);
}

interface CutoffRun {
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
}

export function checkCutoff(
  request: GenerationRequest["cutoff"],
  cutoff: Cutoff,
  run: CutoffRun,
): FieldIssue[] {
  const { num_inference_steps: steps } = run;
  const { guided_from, guided_steps, a } = cutoff;
  if (guided_from > steps) {
    return [fieldIssue("cutoff.guided_from", `from 0 to the ${steps} steps`, guided_from)];
  }
  const most = steps - guided_from;
  if (cutoff.auto) return checkAutoCutoff(cutoff, { ...run, most });
  if (guided_steps >= 0 && a >= 0) return checkDelta(cutoff, run);
  const counted = guided_from === 0 ? "" : ` from step ${guided_from} on`;
  if (request?.guided_fraction !== undefined) {
    const allowed = `from 0 to ${most / steps}, the share of the steps${counted}`;
    return [fieldIssue("cutoff.guided_fraction", allowed, request.guided_fraction)];
  }
  const allowed = `from 0 to the ${most} steps${counted}`;
  return request?.a !== undefined
    ? [fieldIssue("cutoff.a", allowed, request.a)]
    : [fieldIssue("cutoff.guided_steps", allowed, guided_steps)];
}

/** A `delta` tail repeats the difference of a guided step, so there must be one. */
function checkDelta({ tail, a, guided_steps }: Cutoff, { guidance_scale }: CutoffRun) {
  if (tail !== "delta" || a === 0) return [];
  const other = '"null" or "cond"';
  if (guided_steps === 0) {
    return [fieldIssue("cutoff.tail", `${other} where no step is guided`, tail)];
  }
  if (guidance_scale !== 1) return [];
  return [
    fieldIssue("cutoff.tail", `${other} at guidance_scale 1, which takes no difference`, tail),
  ];
}
