/**
 * The alarm of a room that outlives its process. It resumes a run that was cut off even if no
 * reader returns, and clears the room's storage in the end.
 */
import type { Parsed } from "../../contract/mod.ts";
import type { Log } from "../observability/log.ts";

/** The part of a room that its alarm needs. */
export interface WatchedRoom {
  /** A run is under way, or begins. */
  readonly busy: boolean;
  /** Resumes a run that was cut off. */
  find(concerns: () => boolean): Promise<Parsed<object | null>>;
}

/** What a platform keeps for a room beyond its process. */
export interface RoomStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  deleteAll(): Promise<void>;
  /** @param at epoch milliseconds; the latest call counts */
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

/** A run is resumed this long after its loss. */
export const WATCH_MS = 15_000;
const PAUSE_MS_MAX = 10 * 60_000;
/** Enough for a GPU function that is away for about half a day. */
const ATTEMPTS_MAX = 80;
const ATTEMPTS = "attempts";

export interface WatchPorts {
  readonly storage: RoomStorage;
  readonly now: () => number;
  readonly log: Log;
}

/** Makes the alarm come back until the room's storage is empty. */
export async function beginWatch({ storage, now }: WatchPorts): Promise<void> {
  await storage.setAlarm(now() + WATCH_MS);
}

/** Ends the alarm once there is nothing left to resume. */
export async function endWatch({ storage }: WatchPorts): Promise<void> {
  await storage.deleteAlarm();
  await storage.deleteAll();
}

/** Handles the alarm. */
export async function onAlarm(room: WatchedRoom, ports: WatchPorts): Promise<void> {
  const { storage, now, log } = ports;
  if (room.busy) return await storage.setAlarm(now() + WATCH_MS);
  const attempts = Number(await storage.get(ATTEMPTS) ?? 0) + 1;
  if (attempts > ATTEMPTS_MAX) {
    log({ level: "error", message: `A run was given up after ${ATTEMPTS_MAX} attempts` });
    return await endWatch(ports);
  }
  // It is counted before the attempt, which may end this process as well.
  await storage.put(ATTEMPTS, attempts);
  await storage.setAlarm(now() + Math.min(WATCH_MS * 2 ** attempts, PAUSE_MS_MAX));
  const found = await room.find(() => true);
  if (found.ok && found.value === null) await endWatch(ports);
}
