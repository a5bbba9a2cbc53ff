/** Rooms as Durable Objects: one in the world for each content key, one for each sweep. */
import { createSweeps } from "../../../db/sweep_queries.ts";
import { createUsage } from "../../../db/usage_queries.ts";
import { tellAll } from "../../rooms/end_listeners.ts";
import { JobRoom, type RememberedEnd } from "../../generations/generation_room.ts";
import type { RoomSubmission } from "../../generations/run.ts";
import { handleRoomRequest } from "../../generations/generation_room_routes.ts";
import {
  beginWatch,
  endWatch,
  onAlarm,
  type RoomStorage,
  type WatchPorts,
} from "../../rooms/room_watch.ts";
import {
  NO_PROGRESS,
  type RememberedSweep,
  SweepRoom,
  type SweepSubmission,
} from "../../sweeps/sweep_room.ts";
import { handleSweepRequest } from "../../sweeps/sweep_room_routes.ts";
import { countRun } from "../../limits/usage_meter.ts";
import type { Rooms } from "../../rooms/rooms.ts";
import { readSettings } from "../../settings.ts";
import { settleRun, settleSweep } from "../../webhooks/webhook_settlement.ts";
import { logToConsole } from "../console_log.ts";
import { type LimiterEnv, limitersOfIsolate } from "./isolate_limiters.ts";
import { backendOfIsolate } from "../isolate_backend.ts";
import { readerCacheOfIsolate } from "./isolate_reader_cache.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { resultsOf } from "./d1_results.ts";
import { webhooksOf } from "./d1_webhooks.ts";

export interface RoomEnv extends DatabaseEnv {
  readonly LIMITERS: LimiterEnv["LIMITERS"];
}

/** The part of the platform's object state that a room uses. */
interface RoomState {
  readonly storage: RoomStorage;
  waitUntil(work: Promise<unknown>): void;
}

interface RoomNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { fetch(request: Request): Promise<Response> };
}

export function createDurableRooms<Id>(namespace: RoomNamespace<Id>): Rooms {
  return {
    fetch: (id, request) => namespace.get(namespace.idFromName(id)).fetch(request),
  };
}

const watchOf = (storage: RoomStorage) => ({ storage, now: () => Date.now(), log: logToConsole });

const SUBMISSION = "submission";
const END = "end";

export class JobRoomObject {
  readonly #room: JobRoom;
  readonly #watch: WatchPorts;

  constructor(state: RoomState, env: RoomEnv) {
    const { storage } = state;
    const watch = watchOf(storage);
    this.#watch = watch;
    this.#room = new JobRoom({
      gpu: backendOfIsolate(readSettings(env)),
      results: resultsOf(env),
      memory: {
        // Only `save` writes under this key.
        load: async () => (await storage.get(SUBMISSION) ?? null) as RoomSubmission | null,
        async save(submission) {
          await storage.put(SUBMISSION, submission);
          await beginWatch(watch);
        },
        clear: () => endWatch(watch),
        ends: {
          // Only this `save` writes under this key; the alarm finds it gone by its age, and clears it.
          load: async () => (await storage.get(END) ?? null) as RememberedEnd | null,
          async save(end) {
            await storage.put(END, end);
            await beginWatch(watch);
          },
        },
      },
      limiters: limitersOfIsolate(env),
      now: () => Date.now(),
      log: logToConsole,
      keepAlive: (work) => state.waitUntil(work),
      afterEnd: tellAll([
        settleRun(webhooksOf(env, (work) => state.waitUntil(work))),
        countRun({ usage: createUsage(databaseOf(env)), now: () => Date.now() }),
      ]),
    });
  }

  fetch(request: Request): Promise<Response> {
    return handleRoomRequest(this.#room, request);
  }

  alarm(): Promise<void> {
    return onAlarm(this.#room, this.#watch);
  }
}

export interface SweepRoomEnv extends RoomEnv {
  readonly ROOMS: Parameters<typeof createDurableRooms>[0];
}

const SWEEP = "sweep";
const PROGRESS = "progress";

export class SweepRoomObject {
  readonly #room: SweepRoom;
  readonly #watch: WatchPorts;

  constructor(state: RoomState, env: SweepRoomEnv) {
    const { storage } = state;
    const watch = watchOf(storage);
    this.#watch = watch;
    const database = databaseOf(env);
    const keepAlive = (work: Promise<unknown>) => state.waitUntil(work);
    this.#room = new SweepRoom({
      results: resultsOf(env),
      cache: readerCacheOfIsolate().cache,
      sweeps: createSweeps(database),
      rooms: createDurableRooms(env.ROOMS),
      limiters: limitersOfIsolate(env),
      memory: {
        async load() {
          // Only `save` and `note` write under these keys.
          const sweep = (await storage.get(SWEEP) ?? null) as SweepSubmission | null;
          const progress = await storage.get(PROGRESS) ?? NO_PROGRESS;
          return sweep && { ...sweep, progress: progress as RememberedSweep["progress"] };
        },
        async save(sweep) {
          await storage.put(SWEEP, sweep);
          await beginWatch(watch);
        },
        note: (progress) => storage.put(PROGRESS, progress),
        clear: () => endWatch(watch),
      },
      now: () => Date.now(),
      log: logToConsole,
      keepAlive,
      afterSweepEnd: settleSweep(webhooksOf(env, keepAlive)),
    });
  }

  fetch(request: Request): Promise<Response> {
    return handleSweepRequest(this.#room, request);
  }

  alarm(): Promise<void> {
    return onAlarm(this.#room, this.#watch);
  }
}
