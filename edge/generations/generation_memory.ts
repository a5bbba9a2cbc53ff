/**
 * What a generation's room remembers beyond its process: enough to run again under the same ids.
 */
import type { NumberedEvent } from "../../contract/mod.ts";
import { putWatched, type RoomStore, SUBMISSION } from "../rooms/room_store.ts";
import type { GenerationRun, GenerationSubmission } from "./run.ts";

const END = "end";

/** A log that ended as failed or canceled, without its pictures. */
interface RememberedEnd {
  readonly submission: GenerationSubmission;
  readonly events: readonly NumberedEvent[];
  /** Epoch milliseconds. */
  readonly finishedAt: number;
}

export function saveSubmission(store: RoomStore, submission: GenerationSubmission): Promise<void> {
  return putWatched(store, SUBMISSION, submission);
}

/** An end is kept only where an alarm will clear it once it is too old. */
export async function saveEnd(
  store: RoomStore,
  { submission, log, finishedAt }: GenerationRun,
): Promise<void> {
  if (!store.watch || finishedAt === null) return;
  const events = log.events.filter(({ event }) => !("data" in event))
    .map(({ id, event }) => ({ id, event }));
  await putWatched(store, END, { submission, events, finishedAt } satisfies RememberedEnd);
}

export async function recallGeneration(store: RoomStore) {
  // Only the functions above write under these names.
  const cutOff = await store.get(SUBMISSION) as GenerationSubmission | null;
  const ended = cutOff ? null : await store.get(END) as RememberedEnd | null;
  return { cutOff, ended };
}
