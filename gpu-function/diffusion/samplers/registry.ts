/** The samplers by name. A new one is a file beside this one and a line here; the tests find it. */
import { sampleDdim } from "./ddim.ts";
import type { Sampler } from "./sampling.ts";

export const SAMPLERS: ReadonlyMap<string, Sampler> = new Map<string, Sampler>([
  ["ddim", sampleDdim],
]);
