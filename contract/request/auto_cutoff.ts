/** A cutoff that the run itself decides, between bounds, when the text has ceased to change the image. */
import type { Cutoff } from "./cutoff.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";

export interface AutoCutoffOptions {
  /**
   * The text is dropped after the first step in which guidance changes the predicted image by no more
   * than this share of it: |x0(guided) - x0(unconditional)| / |x0(guided)|, in latents.
   */
  readonly tolerance?: number | undefined;
  /** Guided steps at least, and at most; the most is all of them by default. */
  readonly min_steps?: number | undefined;
  readonly max_steps?: number | undefined;
}

/** What the plan says of it: `guided_steps` of the cutoff is the most, these are the rest. */
export interface AutoCutoff {
  readonly tolerance: number;
  readonly min_steps: number;
}

/** Tuned on prompts of the laboratory's tuning set: `deno task lab auto`. */
export const AUTO_CUTOFF_DEFAULTS = { tolerance: 0.5, min_fraction: 0.1 } as const;

export function planAutoCutoff(
  { tolerance, min_steps, max_steps }: AutoCutoffOptions,
  stepsLeft: number,
): { readonly auto: AutoCutoff | null; readonly guided_steps: number } {
  const guided_steps = max_steps ?? stepsLeft;
  const usual = Math.ceil(AUTO_CUTOFF_DEFAULTS.min_fraction * stepsLeft);
  const least = min_steps ?? Math.min(usual, guided_steps);
  const auto = { tolerance: tolerance ?? AUTO_CUTOFF_DEFAULTS.tolerance, min_steps: least };
  // Bounds that leave no choice are a cutoff like any other.
  return { auto: least === guided_steps ? null : auto, guided_steps };
}

/** @param most steps behind `guided_from` */
export function checkAutoCutoff(
  { auto, guided_steps }: Cutoff,
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
