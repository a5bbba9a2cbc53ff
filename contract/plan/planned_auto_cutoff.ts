/** The bounds within which a run itself decides when guidance ends. */
import * as v from "valibot";
import { AUTO_CUTOFF_DEFAULTS, type AutoCutoffOptions } from "../request/auto_cutoff.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

/** An automatic cutoff in a plan. It guides at most the cutoff's `guided_steps`. */
export const autoCutoff = v.object({ tolerance: v.number(), min_steps: count });

export type AutoCutoff = DeepReadonly<v.InferOutput<typeof autoCutoff>>;

export function planAutoCutoff(
  { tolerance, min_steps, max_steps }: AutoCutoffOptions,
  stepsLeft: number,
): { readonly auto: AutoCutoff | null; readonly guided_steps: number } {
  const guided_steps = max_steps ?? stepsLeft;
  const usual = Math.ceil(AUTO_CUTOFF_DEFAULTS.min_fraction * stepsLeft);
  const least = min_steps ?? Math.min(usual, guided_steps);
  const auto = { tolerance: tolerance ?? AUTO_CUTOFF_DEFAULTS.tolerance, min_steps: least };
  // Bounds that leave no choice make an ordinary cutoff.
  return { auto: least === guided_steps ? null : auto, guided_steps };
}

/** @param most the number of steps from `guided_from` on */
export function checkAutoCutoff(
  { auto, guided_steps }: { readonly auto: AutoCutoff | null; readonly guided_steps: number },
  { most, guidance_scale }: { readonly most: number; readonly guidance_scale: number },
): FieldIssue[] {
  if (!auto) return [];
  if (guidance_scale === 1) {
    const allowed = "absent at guidance_scale 1, where no guidance can be measured";
    return [fieldIssue("cutoff.auto", allowed, auto)];
  }
  if (guided_steps > most) {
    return [fieldIssue("cutoff.auto.max_steps", `from 1 to the ${most} steps`, guided_steps)];
  }
  if (auto.min_steps > guided_steps) {
    const allowed = `from 1 to the ${guided_steps} steps that may be guided`;
    return [fieldIssue("cutoff.auto.min_steps", allowed, auto.min_steps)];
  }
  return [];
}
