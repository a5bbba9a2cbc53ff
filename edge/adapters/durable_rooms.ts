/** Rooms as Durable Objects: one in the world for each content key. */
import { drizzle } from "drizzle-orm/d1";
import { createResults } from "../../db/queries.ts";
import { createHttpBackend } from "../backends/http.ts";
import { JobRoom, type RoomSubmission } from "../jobs/job_room.ts";
import { handleRoomRequest } from "../jobs/room_routes.ts";
import type { JobRooms } from "../ports.ts";
import { logToConsole } from "./console_log.ts";

export type D1Binding = Parameters<typeof drizzle>[0];

export interface RoomEnv {
  readonly DB: D1Binding;
  readonly GPU_URL: string;
}

/** The part of the platform's object state that a room uses. */
interface RoomState {
  readonly storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
    delete(key: string): Promise<boolean>;
  };
  waitUntil(work: Promise<unknown>): void;
}

interface RoomNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { fetch(request: Request): Promise<Response> };
}

export function createDurableRooms<Id>(namespace: RoomNamespace<Id>): JobRooms {
  return {
    fetch: (id, request) => namespace.get(namespace.idFromName(id)).fetch(request),
  };
}

const SUBMISSION = "submission";

export class JobRoomObject {
  readonly #room: JobRoom;

  constructor(state: RoomState, { DB, GPU_URL }: RoomEnv) {
    const { storage } = state;
    this.#room = new JobRoom({
      gpu: createHttpBackend(GPU_URL),
      results: createResults(drizzle(DB)),
      memory: {
        // Only `save` writes under this key.
        load: async () => (await storage.get(SUBMISSION) ?? null) as RoomSubmission | null,
        save: (submission) => storage.put(SUBMISSION, submission),
        clear: async () => void await storage.delete(SUBMISSION),
      },
      now: () => Date.now(),
      log: logToConsole,
      keepAlive: (work) => state.waitUntil(work),
    });
  }

  fetch(request: Request): Promise<Response> {
    return handleRoomRequest(this.#room, request);
  }
}
