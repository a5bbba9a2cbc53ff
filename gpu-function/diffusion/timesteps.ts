/** Which of the training timesteps a run visits, from the noise down. */

export type TimestepSpacing = "leading" | "trailing" | "linspace";

export interface TimestepOptions {
  readonly num_train_timesteps: number;
  readonly timestep_spacing: TimestepSpacing;
  readonly steps_offset: number;
}

/**
 * The spacings of Lin et al. 2023 (table 2), rounded as numpy rounds for diffusers.
 * @throws RangeError when the schedule has no room for so many steps
 */
export function timesteps(count: number, options: TimestepOptions): number[] {
  const { num_train_timesteps: n, timestep_spacing, steps_offset } = options;
  const values = Array.from({ length: count }, (_, i) => {
    switch (timestep_spacing) {
      case "leading":
        return (count - 1 - i) * Math.floor(n / count) + steps_offset;
      case "trailing":
        return roundHalfToEven(n - i * (n / count)) - 1;
      case "linspace":
        return count === 1 ? 0 : roundHalfToEven((count - 1 - i) * ((n - 1) / (count - 1)));
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

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
