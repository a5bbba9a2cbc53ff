/** What a room keeps beyond its process, wherever its platform stores it. */
import type { Log, LogRecord } from "../observability/log.ts";
import { tolerate } from "./tolerated_failure.ts";

/** Every method rejects when the platform's storage fails. */
export interface RoomStore {
  /** Returns null where nothing is kept under the name. */
  get(name: string): Promise<unknown>;
  put(name: string, value: unknown): Promise<void>;
  /** Forgets what is kept under every name. */
  clear(): Promise<void>;
  /**
   * Sets an alarm that visits the room until its store is empty; only `clear` empties it. Absent on
   * a platform where the next process looks through all stores.
   */
  watch?(): Promise<void>;
}

/** The name under which a room keeps its submission. */
export const SUBMISSION = "submission";
/** The name under which it keeps who has asked for the run, where that is not one alone. */
export const ASKERS = "askers";

/** Stores a value that an alarm has to come back for. */
export async function putWatched(store: RoomStore, name: string, value: unknown): Promise<void> {
  await store.put(name, value);
  await store.watch?.();
}

/** The run that a line of the log is about. */
export type RoomSubject = Pick<LogRecord, "generation" | "sweep">;

/** A room also works without its memory, but then another process cannot resume its run. */
export function remember(
  log: Log,
  subject: RoomSubject,
  write: () => Promise<void>,
): Promise<void> {
  return tolerate(log, { message: "Room memory failed", ...subject }, write);
}

/** Keeps nothing: its rooms are lost with their process. */
export const NO_STORE: RoomStore = {
  get: () => Promise.resolve(null),
  put: () => Promise.resolve(),
  clear: () => Promise.resolve(),
};
