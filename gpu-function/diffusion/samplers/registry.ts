/** The samplers in the order in which a model lists them. A new one is a file beside this one and a line here. */
import type { SchedulerConfig } from "../scheduler_config.ts";
import { DDIM, DDIM_ETA1 } from "./ddim.ts";
import { DPMPP_2M, DPMPP_2M_KARRAS } from "./dpmpp_2m.ts";
import { EULER } from "./euler.ts";
import { EULER_ANCESTRAL } from "./euler_ancestral.ts";
import { FLOW_EULER } from "./flow_euler.ts";
import { HEUN } from "./heun.ts";
import { PNDM } from "./pndm.ts";
import type { Sampler } from "./sampler.ts";
import { UNIPC } from "./unipc.ts";

/**
 * A name says all of a sampler that a request can choose. So DDIM with fresh noise has a name of its
 * own, `ddim_eta1`, rather than a field `eta` that the other samplers would have to refuse: nobody asks
 * for an η between, and requests, plans and content keys stay as they are.
 *
 * No model family reaches `flow_euler` yet: it and its schedule are the seam for models trained on
 * straight paths.
 */
const ALL: readonly Sampler[] = [
  DDIM,
  DDIM_ETA1,
  PNDM,
  EULER,
  EULER_ANCESTRAL,
  HEUN,
  DPMPP_2M,
  DPMPP_2M_KARRAS,
  UNIPC,
  FLOW_EULER,
];

export const SAMPLERS: ReadonlyMap<string, Sampler> = new Map(
  ALL.map((sampler) => [sampler.name, sampler]),
);

/** Names of the samplers that a model with this scheduler file can run, in the registry's order. */
export function samplersFor(
  { prediction_type, rescale_betas_zero_snr }: SchedulerConfig,
): string[] {
  return ALL
    .filter(({ predictions }) => predictions.includes(prediction_type))
    .filter(({ zeroSnr }) => zeroSnr || !rescale_betas_zero_snr)
    .map(({ name }) => name);
}
