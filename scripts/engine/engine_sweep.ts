/** Runs a sweep on the engine itself, without edge and database, one branch after the other. */
import {
  type BranchEnd,
  type GenerationEvent,
  type GenerationEventOf,
  type SweepBranch,
  type SweepOutcome,
  sweepOutcome,
  type SweepPlan,
} from "../../contract/mod.ts";
import type { Engine } from "../../gpu-function/jobs/engine.ts";

export interface SweptImage {
  readonly branch: SweepBranch;
  readonly image: GenerationEventOf<"generation.image">;
}

export interface SweepRun {
  readonly outcome: SweepOutcome;
  /** Images in the order of the branches; equal branches share one image. */
  readonly images: readonly SweptImage[];
}

/**
 * The engine must have a memory of rows, through which the branches share them.
 * @param onEvent called with each event of the branch that runs
 * @throws ProblemError or Error when a branch breaks
 */
export async function runSweep(
  engine: Engine,
  plan: SweepPlan,
  onEvent: (event: GenerationEvent, branch: number) => void = () => {},
): Promise<SweepRun> {
  const ends: BranchEnd[] = [];
  const images: SweptImage[] = [];
  for (const [i, branch] of plan.branches.entries()) {
    const earlier = branch.same_as === null ? null : images[branch.same_as];
    const end = branch.same_as === null ? null : ends[branch.same_as];
    if (earlier && end) {
      images.push({ branch, image: earlier.image });
      ends.push(end);
      continue;
    }
    for await (const event of engine.generate(branch.plan, new AbortController().signal)) {
      onEvent(event, i);
      if (event.type === "generation.image") images.push({ branch, image: event });
      if (event.type === "generation.completed") {
        const { spent, shared } = event.evaluations;
        ends.push({ status: "succeeded", cached: false, spent, shared, failure: null });
      }
    }
  }
  return { outcome: sweepOutcome(plan, ends), images };
}
