/**
 * The alarm of a room that outlives its process: a run that was cut off is taken up again though no reader
 * returns, and whatever happens nothing stays in the room's storage for good.
 */
import type { Parsed } from "../../contract/mod.ts";
import type { Log } from "../observability/log.ts";

/** The part of a room that its alarm needs. */
export interface WatchedRoom {
  /** Something runs, or begins. */
  readonly busy: boolean;
  /** Takes up what was cut off. */
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

/** How soon after its loss a run is taken up. */
export const WATCH_MS = 15_000;
const PAUSE_MS_MAX = 10 * 60_000;
/** About half a day of a GPU function that is away. */
const ATTEMPTS_MAX = 80;
const ATTEMPTS = "attempts";

export interface WatchPorts {
  readonly storage: RoomStorage;
  readonly now: () => number;
  readonly log: Log;
}

/** From now on the alarm comes back until the room's storage is empty. */
export async function beginWatch({ storage, now }: WatchPorts): Promise<void> {
  await storage.setAlarm(now() + WATCH_MS);
}

/** There is nothing left to take up. */
export async function endWatch({ storage }: WatchPorts): Promise<void> {
  await storage.deleteAlarm();
  await storage.deleteAll();
}

/** When the alarm rings. */
export async function onAlarm(room: WatchedRoom, ports: WatchPorts): Promise<void> {
  const { storage, now, log } = ports;
  if (room.busy) return await storage.setAlarm(now() + WATCH_MS);
  const attempts = Number(await storage.get(ATTEMPTS) ?? 0) + 1;
  if (attempts > ATTEMPTS_MAX) {
    log({ level: "error", message: `A run was given up after ${ATTEMPTS_MAX} attempts` });
    return await endWatch(ports);
  }
  // Before the attempt, which may end this process as well.
  await storage.put(ATTEMPTS, attempts);
  await storage.setAlarm(now() + Math.min(WATCH_MS * 2 ** attempts, PAUSE_MS_MAX));
  const found = await room.find(() => true);
  if (found.ok && found.value === null) await endWatch(ports);
}
