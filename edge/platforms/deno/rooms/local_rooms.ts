/** Rooms in this process. Finished ones stay for replays, within bounds. */
import {
  createGenerationRoom,
  type GenerationRoomPorts,
} from "../../../generations/generation_room.ts";
import { handleGenerationRequest } from "../../../generations/generation_room_routes.ts";
import { createSweepRoom, type SweepRoomPorts } from "../../../sweeps/sweep_room.ts";
import { handleSweepRequest } from "../../../sweeps/sweep_room_routes.ts";
import type { Room, RoomRun } from "../../../rooms/room.ts";
import { NO_STORE, type RoomStore } from "../../../rooms/room_store.ts";
import type { Rooms } from "../../../rooms/rooms.ts";

const IDLE_ROOMS_MAX = 64;
/** A sweep's log holds the images of all of its branches, so fewer stay. */
const IDLE_SWEEPS_MAX = 8;

/** @param storeOf returns a room's store, by the room's id */
export function createLocalRooms(
  ports: Omit<GenerationRoomPorts, "store">,
  storeOf: (id: string) => RoomStore = () => NO_STORE,
): Rooms {
  return createRooms({
    idleMax: IDLE_ROOMS_MAX,
    create: (id) => createGenerationRoom({ ...ports, store: storeOf(id) }),
    handle: handleGenerationRequest,
  });
}

export function createLocalSweepRooms(
  ports: Omit<SweepRoomPorts, "store">,
  storeOf: (id: string) => RoomStore = () => NO_STORE,
): Rooms {
  return createRooms({
    idleMax: IDLE_SWEEPS_MAX,
    create: (id) => createSweepRoom({ ...ports, store: storeOf(id) }),
    handle: handleSweepRequest,
  });
}

interface LocalRooms<Run extends RoomRun> {
  readonly idleMax: number;
  readonly create: (id: string) => Room<Run>;
  readonly handle: (room: Room<Run>, request: Request) => Promise<Response>;
}

function createRooms<Run extends RoomRun>({ idleMax, create, handle }: LocalRooms<Run>): Rooms {
  const rooms = new Map<string, Room<Run>>();

  /**
   * Drops rooms without a run, and beyond the bound the longest unvisited; keeps every running one.
   */
  function dropIdle(): void {
    const idle = [...rooms].filter(([, room]) => !room.busy);
    const empty = idle.filter(([, room]) => room.run === null);
    const surplus = idle.filter(([, room]) => room.run !== null).slice(0, -idleMax);
    for (const [id] of [...empty, ...surplus]) rooms.delete(id);
  }

  return {
    async fetch(id, request) {
      const room = rooms.get(id) ?? create(id);
      // Moves to the last place: the order of the map is the order of the visits.
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
