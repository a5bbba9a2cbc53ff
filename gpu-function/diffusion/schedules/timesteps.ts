/** Which of the training timesteps a run visits, from the noise down. */

export type TimestepSpacing = "leading" | "trailing" | "linspace";

export interface TimestepOptions {
  readonly num_train_timesteps: number;
  readonly timestep_spacing: TimestepSpacing;
  readonly steps_offset: number;
}

/**
 * The spacings of Lin et al. 2023 (table 2), rounded as numpy rounds for diffusers' DDIM and PNDM. For
 * some counts (61, 103, 121, 122 of 1000) diffusers' trailing spacing slips to one step too many, at
 * timestep -1; here a run has the steps that it was asked for.
 * @throws RangeError when the schedule has no room for so many steps
 */
export function timesteps(count: number, options: TimestepOptions): number[] {
  return fractionalTimesteps(count, options).map(roundHalfToEven);
}

/**
 * diffusers' grid for the samplers on sigmas (Euler, Heun): linspace keeps its fractions.
 * @throws RangeError as `timesteps`
 */
export function fractionalTimesteps(count: number, options: TimestepOptions): number[] {
  const { num_train_timesteps: n, timestep_spacing, steps_offset } = options;
  const values = Array.from({ length: count }, (_, i) => {
    switch (timestep_spacing) {
      case "leading":
        return (count - 1 - i) * Math.floor(n / count) + steps_offset;
      case "trailing":
        return roundHalfToEven(n - i * (n / count)) - 1;
      case "linspace":
        return count === 1 ? 0 : (count - 1 - i) * ((n - 1) / (count - 1));
    }
  });
  const [first] = values;
  if (count < 1 || count > n || first === undefined || first >= n) {
    throw new RangeError(
      `num_inference_steps must be from 1 to what ${n} training timesteps allow, given ${count}`,
    );
  }
  return values;
}

/**
 * diffusers' grid for DPM-Solver++ and UniPC: leading and linspace space one point more and leave the
 * last one out, since these solvers jump from there to the image by themselves.
 * @throws RangeError as `timesteps`
 */
export function solverTimesteps(count: number, options: TimestepOptions): number[] {
  if (options.timestep_spacing === "trailing") return timesteps(count, options);
  return timesteps(count + 1, options).slice(0, count);
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
