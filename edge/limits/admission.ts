/** The door to the GPU function: who begins a run pays for it, and gets back what it did not spend. */
import { accept, createProblem, type Parsed, type Problem, refuse } from "../../contract/mod.ts";
import type { Origin } from "../origin.ts";
import type { Policy, Standing, Verdict } from "./account_limiter.ts";
import type { Limiters } from "./limiter_call.ts";

export interface Admission {
  /**
   * Charges a run that is about to begin. Who has no limits has paid elsewhere, or needs not.
   *
   * @param evaluations U-Net rows, as planned
   */
  begin(origin: Origin, run: string, evaluations: number): Promise<Parsed<null>>;
  /** Frees its slot, credits the rest. Of a run that was not charged: nothing. */
  end(origin: Origin, run: string, spent: number): Promise<void>;
}

export function createAdmission(limiters: Limiters): Admission {
  return {
    async begin({ account, limits }, run, evaluations) {
      if (!limits) return accept(null);
      const verdict = await limiters.call(account, { action: "begin", run, evaluations, limits });
      const problem = limitProblem(verdict);
      return problem ? refuse(problem) : accept(null);
    },
    async end({ account, limits }, run, spent) {
      if (limits) await limiters.call(account, { action: "end", run, spent, limits });
    },
  };
}

/** Null where nothing is refused. */
export function limitProblem({ refusal, standing }: Verdict): Problem | null {
  if (!refusal) return null;
  const { policy, retry_after } = refusal;
  const detail = `${RULES[policy](standing)}; ask again in ${retry_after} seconds`;
  return { ...createProblem("rate_limited", detail), retry_after };
}

const RULES: Readonly<Record<Policy, (standing: Standing) => string>> = {
  requests: ({ requests }) => `Requests must be at most ${requests.limit} a minute, given more`,
  evaluations: ({ evaluations: { limit, remaining } }) =>
    `Evaluations of the U-Net must be at most ${limit} a minute, given more than the ${remaining} left`,
  generations: ({ generations }) =>
    `Generations and sweeps of one account must be at most ${generations.limit} at a time, given one more`,
};
