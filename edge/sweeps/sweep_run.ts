/** One run of a sweep, as its room holds it. */
import type { RoomRun } from "../rooms/room.ts";
import { BranchRun } from "./branch_run.ts";
import { Interleaving } from "./interleaving.ts";
import { type SweepEnd, SweepLog } from "./sweep_log.ts";
import { NO_PROGRESS, type SweepProgress, type SweepSubmission } from "./sweep_memory.ts";

export interface SweepRun extends RoomRun {
  readonly submission: SweepSubmission;
  readonly log: SweepLog;
  readonly branches: readonly BranchRun[];
  readonly interleaving: Interleaving;
  /** A client asked for its end. */
  canceled: boolean;
  /** The sheet as SVG; null before the end, and where it is too large to be held. */
  sheet: string | null;
  end: SweepEnd | null;
}

/** Creates a run that goes on where the submission's progress ends. */
export function createSweepRun(submission: SweepSubmission, done: Promise<void>): SweepRun {
  const { plan, progress: { order, begun, canceled } = NO_PROGRESS } = submission;
  const branches = plan.branches.map((branch, index) => new BranchRun(index, branch));
  for (const index of begun) Object.assign(branches[index] ?? {}, { begunHere: true });
  return {
    submission,
    log: new SweepLog(),
    branches,
    interleaving: new Interleaving(order),
    canceled,
    sheet: null,
    done,
    end: null,
    finishedAt: null,
  };
}

export function progressOf({ interleaving, branches, canceled }: SweepRun): SweepProgress {
  const begun = branches.filter(({ begunHere }) => begunHere).map(({ index }) => index);
  return { order: interleaving.order, begun, canceled };
}

/** Returns whether a branch has no image. */
export function hasFailed({ end, branches, canceled }: SweepRun): boolean {
  if (end === null) return false;
  return canceled ||
    branches.some(({ branch, end }) => branch.same_as === null && end?.status !== "succeeded");
}
