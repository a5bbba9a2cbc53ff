/** Plans count calls by a sampler's name. A wrong count would be a wrong price. */
import assert from "node:assert/strict";
import { modelCallsInStep } from "../../contract/mod.ts";
import { SAMPLERS } from "../../gpu-function/diffusion/mod.ts";

for (const { name, calls } of SAMPLERS.values()) {
  Deno.test(`the contract counts ${name}'s calls as its record does`, () => {
    for (const steps of [1, 2, 3, 20]) {
      for (let step = 0; step < steps; step++) {
        const place = { isFirst: step === 0, isLast: step === steps - 1 };
        assert.equal(modelCallsInStep(name, step, steps), calls(place), `${step} of ${steps}`);
      }
    }
  });
}
