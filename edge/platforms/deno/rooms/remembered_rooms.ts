/**
 * Keeps the memory of this process's rooms in the database, so that a new process can resume them.
 */
import type { RoomMemories } from "../../../../db/room_memory_queries.ts";
import type { Log } from "../../../observability/log.ts";
import type { RoomStore } from "../../../rooms/room_store.ts";
import type { Rooms } from "../../../rooms/rooms.ts";
import { roomUrl, THE_EDGE } from "../../../callers/private_results.ts";

/** It sets no alarm, since `resumeRooms` looks through all of them. */
export function databaseStore(memories: RoomMemories, id: string): RoomStore {
  return {
    get: (name) => memories.load(id, name),
    put: (name, value) => memories.save(id, name, value),
    clear: () => memories.clear(id),
  };
}

/** Visits each room that remembers a run; a visit leaves a run that is already going alone. */
export async function resumeRooms(rooms: Rooms, memories: RoomMemories, log: Log): Promise<void> {
  for (const id of await memories.ids()) {
    const response = await rooms.fetch(id, new Request(roomUrl("/state", THE_EDGE)));
    await response.body?.cancel();
    if (response.ok || response.status === 404) continue;
    log({ level: "error", message: `A room was not taken up: ${response.status}`, room: id });
  }
}
