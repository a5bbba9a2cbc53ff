/** The samplers by their wire names. A new one is a file beside this one and a line here. */
import type { PredictionType } from "../parameterization.ts";
import type { SchedulerConfig } from "../scheduler_config.ts";
import { sampleDdim, sampleDdimEta1 } from "./ddim.ts";
import { sampleDpmpp2m, sampleDpmpp2mKarras } from "./dpmpp_2m.ts";
import { sampleEuler } from "./euler.ts";
import { sampleEulerAncestral } from "./euler_ancestral.ts";
import { sampleFlowEuler } from "./flow_euler.ts";
import { sampleHeun } from "./heun.ts";
import { samplePndm } from "./pndm.ts";
import type { Sampler } from "./sampling.ts";
import { sampleUnipc } from "./unipc.ts";

/**
 * A name says all of a sampler that a request can choose. So DDIM with fresh noise has a name of its
 * own, `ddim_eta1`, rather than a field `eta` that the other samplers would have to refuse: nobody asks
 * for an η between, and requests, plans and content keys stay as they are.
 */
export const SAMPLERS: ReadonlyMap<string, Sampler> = new Map<string, Sampler>([
  ["ddim", sampleDdim],
  ["ddim_eta1", sampleDdimEta1],
  ["pndm", samplePndm],
  ["euler", sampleEuler],
  ["euler_ancestral", sampleEulerAncestral],
  ["heun", sampleHeun],
  ["dpmpp_2m", sampleDpmpp2m],
  ["dpmpp_2m_karras", sampleDpmpp2mKarras],
  ["unipc", sampleUnipc],
  ["flow_euler", sampleFlowEuler],
]);

/** As diffusers' schedulers of the same name refuse the others. */
const PREDICTIONS: Readonly<Record<string, readonly PredictionType[]>> = {
  pndm: ["epsilon", "v_prediction"],
  euler_ancestral: ["epsilon", "v_prediction"],
  flow_euler: ["flow"],
};

/** diffusers' schedulers that cannot rescale their betas would run on another schedule. */
const WITHOUT_ZERO_SNR: readonly string[] = ["pndm", "heun"];

/** Names of the samplers that a model with this scheduler file can run, in the registry's order. */
export function samplersFor(config: SchedulerConfig): string[] {
  const { prediction_type, rescale_betas_zero_snr } = config;
  return [...SAMPLERS.keys()].filter((name) => {
    const predictions = PREDICTIONS[name] ?? ["epsilon", "v_prediction", "sample"];
    const reachesZero = !rescale_betas_zero_snr || !WITHOUT_ZERO_SNR.includes(name);
    return predictions.includes(prediction_type) && reachesZero;
  });
}
