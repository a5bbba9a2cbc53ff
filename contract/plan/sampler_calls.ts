/** How often a sampler calls the model in a step: mostly once, and where not, it costs evaluations. */

/**
 * Heun's method looks at both ends of a step, of the last one at its start alone. PNDM looks at both
 * ends of the first, since it has no older outputs yet, unless that is the last one too. The samplers'
 * records, which contract cannot see, say the same; `tests/parity/sampler_calls_test.ts` compares them.
 * @param step 0-based from the noise
 */
export function modelCallsInStep(
  sampler: string,
  step: number,
  num_inference_steps: number,
): 1 | 2 {
  const isLast = step === num_inference_steps - 1;
  const isTwice = sampler === "heun" || (sampler === "pndm" && step === 0);
  return isTwice && !isLast ? 2 : 1;
}
