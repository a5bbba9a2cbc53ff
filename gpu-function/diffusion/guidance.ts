/** Classifier-free guidance (Ho and Salimans 2022), in the form of the paper's eq. (3). */
import { combine, type Latents, norm } from "./latents.ts";

export interface Guided {
  /** `uncond + w (cond - uncond)` */
  readonly output: Latents;
  /** `w (cond - uncond)`: what the text adds. */
  readonly pull: Latents;
  /** `|w (cond - uncond)| / |uncond|`: how hard the text pulls in this step. */
  readonly normRatio: number;
}

/** @param guidanceScale w; 1 is the conditional prediction, 0 the unconditional one */
export function classifierFreeGuidance(
  uncond: Latents,
  cond: Latents,
  guidanceScale: number,
): Guided {
  const pull = combine({ a: guidanceScale, b: -guidanceScale }, cond, uncond);
  return {
    output: addPull(uncond, pull),
    pull,
    normRatio: norm(pull) / norm(uncond),
  };
}

/**
 * The unconditional prediction with the pull of another call, in the units of the model's own
 * output: the `delta` tail, with one row for two.
 */
export function addPull(uncond: Latents, pull: Latents): Latents {
  return combine({ a: 1, b: 1 }, uncond, pull);
}
