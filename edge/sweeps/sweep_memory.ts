/** What a sweep's room remembers beyond its process. */
import type { SweepPlan } from "../../contract/mod.ts";
import type { BranchEvent } from "../../db/sweep_queries.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";

/** What outlives the room's process: enough to merge again under the same ids. */
export interface SweepMemory {
  load(): Promise<RememberedSweep | null>;
  save(sweep: SweepSubmission): Promise<void>;
  note(progress: SweepProgress): Promise<void>;
  clear(): Promise<void>;
}

export interface SweepProgress {
  readonly order: readonly BranchEvent[];
  /** Branches whose generations this sweep began. */
  readonly begun: readonly number[];
  readonly canceled: boolean;
}

export interface SweepSubmission {
  readonly plan: SweepPlan;
  readonly origin: OnBehalfOf;
}

export interface RememberedSweep extends SweepSubmission {
  readonly progress: SweepProgress;
  /** An earlier process of the room had begun it: nobody is asked again whether it may run. */
  readonly recalled?: boolean;
}

/** A sweep that nothing is known of yet. */
export const NO_PROGRESS: SweepProgress = { order: [], begun: [], canceled: false };
