/** Rooms in this process. Finished ones stay for replays, within bounds. */
import { JobRoom, type RoomMemory, type RoomPorts } from "../jobs/job_room.ts";
import { handleRoomRequest } from "../jobs/room_routes.ts";
import type { JobRooms } from "../ports.ts";

const IDLE_ROOMS_MAX = 64;

export function createLocalRooms(ports: Omit<RoomPorts, "memory">): JobRooms {
  const rooms = new Map<string, JobRoom>();

  /** Drops rooms without a job, and beyond the bound the longest unvisited; never a running one. */
  function sweep(): void {
    const idle = [...rooms].filter(([, room]) => !room.busy);
    const empty = idle.filter(([, room]) => room.job === null);
    const surplus = idle.filter(([, room]) => room.job !== null).slice(0, -IDLE_ROOMS_MAX);
    for (const [id] of [...empty, ...surplus]) rooms.delete(id);
  }

  return {
    async fetch(id, request) {
      const room = rooms.get(id) ?? new JobRoom({ ...ports, memory: NO_MEMORY });
      // Into the last place: the order of the map is the order of the visits.
      rooms.delete(id);
      rooms.set(id, room);
      try {
        return await handleRoomRequest(room, request);
      } finally {
        sweep();
      }
    },
  };
}

/** This process is the only one that could take a room up again. */
const NO_MEMORY: RoomMemory = {
  load: () => Promise.resolve(null),
  save: () => Promise.resolve(),
  clear: () => Promise.resolve(),
};
