/** What an account may use: kept with its key, enforced by the edge. */
export interface AccountLimits {
  readonly requests_per_minute: number;
  /** U-Net rows. */
  readonly evaluations_per_minute: number;
  readonly concurrent_generations: number;
}
