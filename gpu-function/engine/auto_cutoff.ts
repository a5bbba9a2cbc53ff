/** Whether the text has ceased to change the image: what ends the guidance of a `cutoff: "auto"`. */
import type { Cutoff } from "../../contract/mod.ts";
import { combine, type DenoiserQuery, type Latents, norm } from "../diffusion/mod.ts";

/**
 * `|x0(guided) - x0(unconditional)| / |x0(guided)|` of one call: the share of the predicted image
 * that guidance makes. The norms of the predictions themselves would not do: how far a given change of
 * the noise moves the image falls with the noise, for each parameterisation in its own way.
 *
 * @param unconditional, guided model outputs
 */
export function textChange(
  query: Pick<DenoiserQuery, "predictX0">,
  unconditional: Latents,
  guided: Latents,
): number {
  const image = query.predictX0(guided);
  return norm(combine({ a: 1, b: -1 }, image, query.predictX0(unconditional))) / norm(image);
}

/**
 * Whether guidance ends with this guided step, before the plan would end it.
 *
 * @param change `textChange` in the step's last call
 */
export function endsGuidance(
  { auto, guided_from, guided_steps }: Cutoff,
  step: number,
  change: number,
): boolean {
  if (!auto) return false;
  const guided = step + 1 - guided_from;
  return guided >= auto.min_steps && guided < guided_steps && change <= auto.tolerance;
}
