/** What a sweep's room remembers beyond its process: enough to merge again under the same ids. */
import type { SweepPlan } from "../../contract/mod.ts";
import type { BranchEvent } from "../../db/sweep_queries.ts";
import type { RoomSubmission } from "../rooms/room.ts";
import { putWatched, type RoomStore, SUBMISSION } from "../rooms/room_store.ts";

const PROGRESS = "progress";

export interface SweepProgress {
  readonly order: readonly BranchEvent[];
  /** Branches whose generations this sweep began. */
  readonly begun: readonly number[];
  readonly canceled: boolean;
}

export interface SweepSubmission extends RoomSubmission {
  readonly plan: SweepPlan;
  /** How far an earlier process had come; absent where there was none. */
  readonly progress?: SweepProgress;
}

/** The progress of a new sweep. */
export const NO_PROGRESS: SweepProgress = { order: [], begun: [], canceled: false };

export async function recallSweep(store: RoomStore): Promise<SweepSubmission | null> {
  // Only `saveSweep` and `saveProgress` write under these names.
  const sweep = await store.get(SUBMISSION) as SweepSubmission | null;
  const progress = await store.get(PROGRESS) as SweepProgress | null;
  return sweep && { ...sweep, progress: progress ?? NO_PROGRESS };
}

/** Saves the progress too, since an earlier run may have left its own. */
export async function saveSweep(
  store: RoomStore,
  { plan, origin, progress = NO_PROGRESS }: SweepSubmission,
): Promise<void> {
  await putWatched(store, SUBMISSION, { plan, origin });
  await saveProgress(store, progress);
}

export async function saveProgress(store: RoomStore, progress: SweepProgress): Promise<void> {
  await store.put(PROGRESS, progress);
}
