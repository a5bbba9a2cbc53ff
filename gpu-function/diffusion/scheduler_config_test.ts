/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { parseSchedulerConfig } from "./scheduler_config.ts";

Deno.test("parseSchedulerConfig reads the scheduler file of Stable Diffusion 1.5", () => {
  const config = parseSchedulerConfig({
    _class_name: "PNDMScheduler",
    _diffusers_version: "0.6.0",
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    num_train_timesteps: 1000,
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    trained_betas: null,
    clip_sample: false,
  });
  assert.deepEqual(config, {
    num_train_timesteps: 1000,
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    prediction_type: "epsilon",
    timestep_spacing: "leading",
    steps_offset: 1,
    set_alpha_to_one: false,
    clip_sample_range: null,
  });
});

Deno.test("parseSchedulerConfig fills an empty file with the defaults of DDIMScheduler", () => {
  const config = parseSchedulerConfig({});
  assert.equal(config.beta_schedule, "linear");
  assert.equal(config.set_alpha_to_one, true);
  assert.equal(config.clip_sample_range, 1);
});

const REFUSED: readonly [object, RegExp][] = [
  [{ thresholding: true }, /scheduler_config\.thresholding must be false, given true/],
  [{ trained_betas: [0.1] }, /trained_betas must be null, given \[0\.1\]/],
  [{ rescale_betas_zero_snr: true }, /rescale_betas_zero_snr must be false/],
  [{ prediction_type: "flow" }, /prediction_type must be one of epsilon, v_pred.*given "flow"/],
  [{ beta_schedule: "sigmoid" }, /beta_schedule must be one of linear/],
  [{ steps_offset: 0.5 }, /steps_offset must be an integer from 0, given 0\.5/],
  [{ num_train_timesteps: "many" }, /num_train_timesteps must be a number from 1/],
  [{ clip_sample: 1 }, /clip_sample must be true or false, given 1/],
  [{ fancy: 3 }, /scheduler_config\.fancy must be absent.*given 3/],
];

for (const [json, sentence] of REFUSED) {
  Deno.test(`parseSchedulerConfig refuses ${JSON.stringify(json)}`, () => {
    assert.throws(() => parseSchedulerConfig(json), sentence);
  });
}
