/** What a room keeps beyond its process, wherever its platform puts it. */
import type { Log, LogRecord } from "../observability/log.ts";
import { tolerate } from "./tolerated_failure.ts";

/** Every method rejects when the platform's storage fails. */
export interface RoomStore {
  /** Null where nothing is kept under the name. */
  get(name: string): Promise<unknown>;
  put(name: string, value: unknown): Promise<void>;
  /** Forgets what is kept under any name. */
  clear(): Promise<void>;
  /**
   * Has the room looked after, by an alarm, until its store is empty. A platform leaves it out where the
   * next process looks through all of the stores; nothing but `clear` ever empties those.
   */
  watch?(): Promise<void>;
}

/** The name under which a room keeps what its run was asked for. */
export const SUBMISSION = "submission";

/** For a value that somebody has to come back for. */
export async function putWatched(store: RoomStore, name: string, value: unknown): Promise<void> {
  await store.put(name, value);
  await store.watch?.();
}

/** Whose run a line of the log is about. */
export type RoomSubject = Pick<LogRecord, "generation" | "sweep">;

/** Without its memory a room still works; it only cannot be taken up by another process. */
export function remember(
  log: Log,
  subject: RoomSubject,
  write: () => Promise<void>,
): Promise<void> {
  return tolerate(log, { message: "Room memory failed", ...subject }, write);
}

/** It keeps nothing: its rooms are lost with their process. */
export const NO_STORE: RoomStore = {
  get: () => Promise.resolve(null),
  put: () => Promise.resolve(),
  clear: () => Promise.resolve(),
};
