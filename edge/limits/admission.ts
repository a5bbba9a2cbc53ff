/** Charges the caller that begins a run, and credits what the run did not spend. */
import { accept, createProblem, type Parsed, type Problem, refuse } from "../../contract/mod.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";
import type { Policy, Standing, Verdict } from "./account_limiter.ts";
import type { Limiters } from "./limiter_call.ts";

/** Charges a run before it costs anything. Without `limits` it is paid for already. */
export async function beginRun(
  limiters: Limiters,
  { account, limits }: OnBehalfOf,
  { run, evaluations }: { readonly run: string; readonly evaluations: number },
): Promise<Parsed<null>> {
  if (!limits) return accept(null);
  const verdict = await limiters.call(account, { action: "begin", run, evaluations, limits });
  const problem = limitProblem(verdict);
  return problem ? refuse(problem) : accept(null);
}

/** Frees its slot and credits what it did not spend; ignores a run that was not charged. */
export async function endRun(
  limiters: Limiters,
  { account, limits }: OnBehalfOf,
  { run, spent }: { readonly run: string; readonly spent: number },
): Promise<void> {
  if (limits) await limiters.call(account, { action: "end", run, spent, limits });
}

/** Returns null where nothing is refused. */
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
