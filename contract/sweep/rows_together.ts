/** The common cost of runs that begin alike. Pure arithmetic on plans. */
import { modelCallsInStep } from "../plan/sampler_calls.ts";
import { type Phase, phaseOfStep, textsOf } from "../plan/phase.ts";
import type { Plan } from "../plan/plan.ts";

type Run = Pick<
  Plan,
  "phases" | "cutoff" | "reuse" | "sampler" | "num_inference_steps" | "negative_prompt"
>;

/**
 * Rows of all runs if equal rows are evaluated once. A row is its latents, its timestep and its
 * text. The runs share model, seed, size, sampler, steps, guidance scale and prompts, so the
 * latents of two are equal as long as every prediction before was made alike.
 *
 * Cutoffs a_1 < a_2 < ... with null tails cost `2T - a_1` rows in T steps, and `a_i - 1` for each
 * further run: the first row of its tail is also the empty prompt's row of a guided step. With an
 * automatic cutoff this is an upper bound, since the run may leave the others after `min_steps`.
 */
export function rowsTogether(runs: readonly Run[]): number {
  const [first] = runs;
  if (!first) return 0;
  const { sampler, num_inference_steps } = first;
  let rows = 0;
  let alike: (readonly Run[])[] = [runs];
  for (let step = 0; step < num_inference_steps; step++) {
    const phaseOf = ({ phases }: Run) => phaseOfStep(phases, step);
    for (let call = modelCallsInStep(sampler, step, num_inference_steps); call > 0; call--) {
      for (const group of alike) {
        rows += new Set(group.flatMap((run) => rowsOf(phaseOf(run), run, step))).size;
      }
      alike = alike.flatMap((group) => {
        const parts = Map.groupBy(group, (run) => predictionOf(phaseOf(run), run, step));
        return [...parts.values()];
      });
    }
  }
  return rows;
}

/** A row that gives its deep features as well, or takes some, is another than one that does neither. */
function rowsOf(phase: Phase, { negative_prompt, reuse }: Run, step: number): string[] {
  const way = reuse ? ` ${reuse.depth} ${reuse.whole_steps.includes(step)}` : "";
  return textsOf(phase, negative_prompt).map((text) => text + way);
}

function predictionOf(
  { conditioning, eos_swapped }: Phase,
  { cutoff: { auto, guided_from, tail }, reuse }: Run,
  step: number,
): string {
  const mayHaveEnded = auto !== null && step >= guided_from + auto.min_steps;
  const decided = mayHaveEnded ? `${auto.tolerance} ${auto.min_steps} ${tail}` : "";
  const shallow = reuse && !reuse.whole_steps.includes(step) ? reuse.depth : 0;
  return `${conditioning} ${eos_swapped} ${decided} ${shallow}`;
}
