/** Rooms in this process. Finished ones stay for replays, within bounds. */
import { JobRoom, type RoomMemory, type RoomPorts } from "../jobs/job_room.ts";
import { handleRoomRequest } from "../jobs/room_routes.ts";
import { type SweepMemory, SweepRoom, type SweepRoomPorts } from "../jobs/sweep_room.ts";
import { handleSweepRequest } from "../jobs/sweep_room_routes.ts";
import type { Rooms } from "../ports.ts";

const IDLE_ROOMS_MAX = 64;
/** A sweep's log has the images of all of its branches. */
const IDLE_SWEEPS_MAX = 8;

export function createLocalRooms(ports: Omit<RoomPorts, "memory">): Rooms {
  return createRooms({
    idleMax: IDLE_ROOMS_MAX,
    create: () => new JobRoom({ ...ports, memory: NO_MEMORY }),
    handle: handleRoomRequest,
  });
}

export function createLocalSweepRooms(ports: Omit<SweepRoomPorts, "memory">): Rooms {
  return createRooms({
    idleMax: IDLE_SWEEPS_MAX,
    create: () => new SweepRoom({ ...ports, memory: NO_SWEEP_MEMORY }),
    handle: handleSweepRequest,
  });
}

interface RoomKind<Room> {
  readonly idleMax: number;
  readonly create: () => Room;
  readonly handle: (room: Room, request: Request) => Promise<Response>;
}

interface Idling {
  readonly busy: boolean;
  readonly job: object | null;
}

function createRooms<Room extends Idling>({ idleMax, create, handle }: RoomKind<Room>): Rooms {
  const rooms = new Map<string, Room>();

  /** Drops rooms without a job, and beyond the bound the longest unvisited; never a running one. */
  function dropIdle(): void {
    const idle = [...rooms].filter(([, room]) => !room.busy);
    const empty = idle.filter(([, room]) => room.job === null);
    const surplus = idle.filter(([, room]) => room.job !== null).slice(0, -idleMax);
    for (const [id] of [...empty, ...surplus]) rooms.delete(id);
  }

  return {
    async fetch(id, request) {
      const room = rooms.get(id) ?? create();
      // Into the last place: the order of the map is the order of the visits.
      rooms.delete(id);
      rooms.set(id, room);
      try {
        return await handle(room, request);
      } finally {
        dropIdle();
      }
    },
  };
}

/** This process is the only one that could take a room up again. */
const NOTHING = () => Promise.resolve(null);
const FORGET = () => Promise.resolve();
const NO_MEMORY: RoomMemory = { load: NOTHING, save: FORGET, clear: FORGET };
const NO_SWEEP_MEMORY: SweepMemory = { load: NOTHING, save: FORGET, note: FORGET, clear: FORGET };
