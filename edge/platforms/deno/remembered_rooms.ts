/** The memory of rooms in this process, in the database: a new process takes up what this one leaves. */
import type { RoomMemories } from "../../../db/room_memory_queries.ts";
import type { Log } from "../../observability/log.ts";
import type { RoomStore } from "../../rooms/room_store.ts";
import type { Rooms } from "../../rooms/rooms.ts";
import { roomUrl, THE_EDGE } from "../../callers/private_results.ts";

/** No alarm: `takeUpRooms` looks through all of them. */
export function databaseStore(memories: RoomMemories, id: string): RoomStore {
  return {
    get: (name) => memories.load(id, name),
    put: (name, value) => memories.save(id, name, value),
    clear: () => memories.clear(id),
  };
}

/** Visits each room that remembers a run: one that runs already is left alone by that. */
export async function takeUpRooms(rooms: Rooms, memories: RoomMemories, log: Log): Promise<void> {
  for (const id of await memories.ids()) {
    const response = await rooms.fetch(id, new Request(roomUrl("/state", THE_EDGE)));
    await response.body?.cancel();
    if (response.ok || response.status === 404) continue;
    log({ level: "error", message: `A room was not taken up: ${response.status}`, room: id });
  }
}
