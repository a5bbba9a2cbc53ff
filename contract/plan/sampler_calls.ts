/** How often a sampler calls the model in a step: each call costs evaluations. */

/**
 * Heun's method calls the model at both ends of a step, but in the last step only at its start.
 * PNDM calls it twice in the first step, since it has no older outputs yet, unless that is the
 * last. `tests/parity/sampler_calls_test.ts` compares this with the samplers, which contract/
 * cannot see.
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
