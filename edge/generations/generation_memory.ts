/** What a generation's room remembers beyond its process: enough to run again under the same ids. */
import type { NumberedEvent } from "../../contract/mod.ts";
import { putWatched, type RoomStore, SUBMISSION } from "../rooms/room_store.ts";
import type { GenerationSubmission } from "./run.ts";

const END = "end";

/** A log that has ended as failed or canceled, without its pictures. */
export interface RememberedEnd {
  readonly submission: GenerationSubmission;
  readonly events: readonly NumberedEvent[];
  /** Epoch milliseconds. */
  readonly finishedAt: number;
}

export async function recallSubmission(store: RoomStore): Promise<GenerationSubmission | null> {
  // Only `saveSubmission` writes under this name.
  return await store.get(SUBMISSION) as GenerationSubmission | null;
}

export async function saveSubmission(
  store: RoomStore,
  submission: GenerationSubmission,
): Promise<void> {
  await putWatched(store, SUBMISSION, submission);
}

export async function recallEnd(store: RoomStore): Promise<RememberedEnd | null> {
  // Only `saveEnd` writes under this name.
  return await store.get(END) as RememberedEnd | null;
}

/** Only where an alarm comes, finds it too old, and clears it. */
export async function saveEnd(store: RoomStore, end: RememberedEnd): Promise<void> {
  if (store.watch) await putWatched(store, END, end);
}
