/** How large guidance is beside what it corrects (paper, eq. 3 and Fig. 8b). */
import { type Latents, norm } from "../diffusion/mod.ts";

export interface GuidanceTerms {
  /** `|uncond| / sqrt(n)` over the n values: per dimension, as the paper plots it. */
  readonly unconditional_norm: number;
  /** `|w (cond - uncond)| / sqrt(n)` */
  readonly guidance_norm: number;
  /** Cosine of the angle between the two predictions, at most 1; 0 where one of them vanishes. */
  readonly cosine: number;
}

/** @param guidanceScale w */
export function measureGuidance(
  uncond: Latents,
  cond: Latents,
  guidanceScale: number,
): GuidanceTerms {
  const dimensions = Math.sqrt(uncond.data.length);
  let apart = 0;
  let product = 0;
  for (const [i, value] of uncond.data.entries()) {
    apart += (cond.data[i]! - value) ** 2;
    product += cond.data[i]! * value;
  }
  const lengths = norm(uncond) * norm(cond);
  return {
    unconditional_norm: norm(uncond) / dimensions,
    guidance_norm: guidanceScale * Math.sqrt(apart) / dimensions,
    cosine: lengths === 0 ? 0 : Math.min(Math.max(product / lengths, -1), 1),
  };
}
