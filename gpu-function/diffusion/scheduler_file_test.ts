/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { SAMPLERS, samplersFor } from "./samplers/registry.ts";
import { parseSchedulerConfig } from "./scheduler_file.ts";

/** The scheduler file of Stable Diffusion 1.5. */
const SD15 = {
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
};
const FLOW = { _class_name: "FlowMatchEulerDiscreteScheduler" };
const DPM = { _class_name: "DPMSolverMultistepScheduler" };
const UNIPC = { _class_name: "UniPCMultistepScheduler" };

Deno.test("parseSchedulerConfig reads the scheduler file of Stable Diffusion 1.5", () => {
  assert.deepEqual(parseSchedulerConfig(SD15), {
    sampler: "pndm",
    num_train_timesteps: 1000,
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    rescale_betas_zero_snr: false,
    prediction_type: "epsilon",
    timestep_spacing: undefined,
    steps_offset: 1,
    set_alpha_to_one: false,
    clip_sample: false,
    clip_sample_range: 1,
    use_karras_sigmas: false,
    final_sigmas_type: "zero",
    lower_order_final: true,
    euler_at_final: false,
    shift: 1,
  });
});

Deno.test("parseSchedulerConfig reads a DPM-Solver file as diffusers writes it for PixArt-alpha", () => {
  const config = parseSchedulerConfig({
    ...DPM,
    algorithm_type: "dpmsolver++",
    beta_end: 0.02,
    beta_schedule: "linear",
    beta_start: 0.0001,
    dynamic_thresholding_ratio: 0.995,
    euler_at_final: false,
    final_sigmas_type: "zero",
    flow_shift: 1,
    lambda_min_clipped: -Infinity,
    lower_order_final: true,
    prediction_type: "epsilon",
    sample_max_value: 1,
    solver_order: 2,
    solver_type: "midpoint",
    thresholding: false,
    time_shift_type: "exponential",
    timestep_spacing: "linspace",
    use_dynamic_shifting: false,
    variance_type: null,
  });
  assert.equal(config.sampler, "dpmpp_2m");
});

Deno.test("parseSchedulerConfig fills an empty file with the betas of DDIMScheduler", () => {
  const config = parseSchedulerConfig({});
  assert.equal(config.sampler, "ddim");
  assert.deepEqual([config.beta_schedule, config.beta_start, config.beta_end], [
    "linear",
    0.0001,
    0.02,
  ]);
});

Deno.test("parseSchedulerConfig fills a file of Heun's class with the betas of that class", () => {
  for (const lacking of [{}, { beta_start: null, beta_end: null }]) {
    const { beta_start, beta_end } = parseSchedulerConfig({
      _class_name: "HeunDiscreteScheduler",
      ...lacking,
    });
    assert.deepEqual([beta_start, beta_end], [0.00085, 0.012]);
  }
});

const OWN: readonly [object, string][] = [
  [{ _class_name: "DDIMScheduler" }, "ddim"],
  [{ _class_name: "EulerDiscreteScheduler", use_karras_sigmas: true }, "euler"],
  [{ _class_name: "EulerAncestralDiscreteScheduler" }, "euler_ancestral"],
  [{ ...DPM, use_karras_sigmas: true }, "dpmpp_2m_karras"],
  [UNIPC, "unipc"],
  [{ _class_name: "HeunDiscreteScheduler" }, "heun"],
  [FLOW, "flow_euler"],
];

for (const [json, name] of OWN) {
  Deno.test(`parseSchedulerConfig finds ${name} in ${JSON.stringify(json)}`, () => {
    const config = parseSchedulerConfig(json);
    assert.equal(config.sampler, name);
    assert.ok(samplersFor(config).includes(name));
  });
}

Deno.test("samplersFor offers what fits: all but flow, only flow, none on a schedule it cannot have", () => {
  const all = [...SAMPLERS.keys()];
  assert.deepEqual(samplersFor(parseSchedulerConfig(SD15)), all.filter((x) => x !== "flow_euler"));
  assert.deepEqual(samplersFor(parseSchedulerConfig(FLOW)), ["flow_euler"]);
  const without = (...names: string[]) => all.filter((name) => !names.includes(name));
  assert.deepEqual(
    samplersFor(parseSchedulerConfig({ prediction_type: "sample" })),
    without("pndm", "euler_ancestral", "flow_euler"),
  );
  const zeroSnr = { prediction_type: "v_prediction", rescale_betas_zero_snr: true };
  assert.deepEqual(
    samplersFor(parseSchedulerConfig(zeroSnr)),
    without("pndm", "heun", "flow_euler"),
  );
});

const REFUSED: readonly [object, RegExp][] = [
  [{ _class_name: "LCMScheduler" }, /_class_name must be one of DDIM.*, given "LCMScheduler"/],
  [{ thresholding: true }, /scheduler_config\.thresholding must be false, given true/],
  [{ trained_betas: [0.1] }, /trained_betas must be null, given \[0\.1\]/],
  [{ rescale_betas_zero_snr: true }, /prediction_type must be v_prediction or sample with rescale/],
  [{ prediction_type: "flow" }, /prediction_type must be one of epsilon, v_pred.*given "flow"/],
  [{ beta_schedule: "sigmoid" }, /beta_schedule must be one of linear/],
  [{ steps_offset: 0.5 }, /steps_offset must be an integer from 0, given 0\.5/],
  [{ num_train_timesteps: "many" }, /num_train_timesteps must be a number from 1/],
  [{ clip_sample: 1 }, /clip_sample must be true or false, given 1/],
  [{ fancy: 3 }, /scheduler_config\.fancy must be absent.*given 3/],
  [{ use_beta_sigmas: true }, /use_beta_sigmas must be false, given true/],
  [{ use_exponential_sigmas: true }, /use_exponential_sigmas must be false, given true/],
  [{ lambda_min_clipped: -5.1 }, /lambda_min_clipped must be -Infinity, given -5\.1/],
  [{ interpolation_type: "log_linear" }, /interpolation_type must be "linear", given "log_linear"/],
  [{ timestep_type: "continuous" }, /timestep_type must be "discrete"/],
  [{ _class_name: "PNDMScheduler" }, /skip_prk_steps must be true, given false/],
  [{ ...DPM, solver_order: 3 }, /solver_order must be 2, given 3/],
  [{ ...DPM, algorithm_type: "sde-dpmsolver++" }, /algorithm_type must be "dpmsolver\+\+"/],
  [{ ...DPM, solver_type: "heun" }, /solver_type must be "midpoint", given "heun"/],
  [{ ...UNIPC, solver_type: "bh1" }, /solver_type must be "bh2", given "bh1"/],
  [{ ...UNIPC, predict_x0: false }, /predict_x0 must be true, given false/],
  [{ ...UNIPC, disable_corrector: [0] }, /disable_corrector must be \[\], given \[0\]/],
  [{ ...FLOW, use_dynamic_shifting: true }, /use_dynamic_shifting must be false, given true/],
  [{ ...FLOW, use_karras_sigmas: true }, /use_karras_sigmas must be false for a flow schedule/],
  [{ ...FLOW, prediction_type: "epsilon" }, /prediction_type must be absent for a flow schedule/],
  [{ ...FLOW, shift: 0 }, /shift must be a number above 0, given 0/],
];

for (const [json, sentence] of REFUSED) {
  Deno.test(`parseSchedulerConfig refuses ${JSON.stringify(json)}`, () => {
    assert.throws(() => parseSchedulerConfig(json), sentence);
  });
}

Deno.test("options of one class's solver do not keep other samplers from the file", () => {
  const config = parseSchedulerConfig({ _class_name: "DDIMScheduler", solver_order: 3 });
  assert.ok(samplersFor(config).includes("dpmpp_2m"));
});
