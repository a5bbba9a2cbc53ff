/** Rooms as Durable Objects: one in the world for each content key, one for each sweep. */
import { createSweeps } from "../../../db/sweep_queries.ts";
import { createUsage } from "../../../db/usage_queries.ts";
import { notifyAll } from "../../rooms/end_listeners.ts";
import { createGenerationRoom, type GenerationRoom } from "../../generations/generation_room.ts";
import { handleGenerationRequest } from "../../generations/generation_room_routes.ts";
import {
  beginWatch,
  endWatch,
  onAlarm,
  type RoomStorage,
  type WatchPorts,
} from "../../rooms/room_watch.ts";
import { type RoomStore, SUBMISSION } from "../../rooms/room_store.ts";
import { createSweepRoom, type SweepRoom } from "../../sweeps/sweep_room.ts";
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

/** Sweeps have had a name of their own from the first: deployed objects know only that one. */
export const SWEEP_NAMES: Readonly<Record<string, string>> = { [SUBMISSION]: "sweep" };

/** @param names the object's own names for some of the store's names */
export function durableStore(
  watch: WatchPorts,
  names: Readonly<Record<string, string>> = {},
): RoomStore {
  const { storage } = watch;
  const keyOf = (name: string) => names[name] ?? name;
  return {
    get: async (name) => await storage.get(keyOf(name)) ?? null,
    put: (name, value) => storage.put(keyOf(name), value),
    clear: () => endWatch(watch),
    watch: () => beginWatch(watch),
  };
}

export class JobRoomObject {
  readonly #room: GenerationRoom;
  readonly #watch: WatchPorts;

  constructor(state: RoomState, env: RoomEnv) {
    const watch = watchOf(state.storage);
    this.#watch = watch;
    this.#room = createGenerationRoom({
      gpu: backendOfIsolate(readSettings(env)),
      results: resultsOf(env),
      store: durableStore(watch),
      limiters: limitersOfIsolate(env),
      now: () => Date.now(),
      log: logToConsole,
      keepAlive: (work) => state.waitUntil(work),
      afterEnd: notifyAll([
        settleRun(webhooksOf(env, (work) => state.waitUntil(work))),
        countRun({ usage: createUsage(databaseOf(env)), now: () => Date.now() }),
      ]),
    });
  }

  fetch(request: Request): Promise<Response> {
    return handleGenerationRequest(this.#room, request);
  }

  alarm(): Promise<void> {
    return onAlarm(this.#room, this.#watch);
  }
}

export interface SweepRoomEnv extends RoomEnv {
  readonly ROOMS: Parameters<typeof createDurableRooms>[0];
}

export class SweepRoomObject {
  readonly #room: SweepRoom;
  readonly #watch: WatchPorts;

  constructor(state: RoomState, env: SweepRoomEnv) {
    const watch = watchOf(state.storage);
    this.#watch = watch;
    const database = databaseOf(env);
    const keepAlive = (work: Promise<unknown>) => state.waitUntil(work);
    this.#room = createSweepRoom({
      results: resultsOf(env),
      cache: readerCacheOfIsolate().cache,
      sweeps: createSweeps(database),
      rooms: createDurableRooms(env.ROOMS),
      limiters: limitersOfIsolate(env),
      store: durableStore(watch, SWEEP_NAMES),
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
