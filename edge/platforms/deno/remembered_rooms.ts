/** The memory of rooms in this process, in the database: a new process takes up what this one leaves. */
import type { RoomMemories } from "../../../db/room_memory_queries.ts";
import type { RoomMemory } from "../../generations/generation_room.ts";
import type { RoomSubmission } from "../../generations/run.ts";
import {
  NO_PROGRESS,
  type RememberedSweep,
  type SweepMemory,
  type SweepSubmission,
} from "../../sweeps/sweep_room.ts";
import type { Log } from "../../observability/log.ts";
import type { Rooms } from "../../rooms/rooms.ts";
import { roomUrl, THE_EDGE } from "../../callers/private_results.ts";

const SUBMISSION = "submission";
const PROGRESS = "progress";

export function roomMemory(memories: RoomMemories, id: string): RoomMemory {
  return {
    // Only `save` writes under this name.
    load: async () => await memories.load(id, SUBMISSION) as RoomSubmission | null,
    save: (submission) => memories.save(id, SUBMISSION, submission),
    clear: () => memories.clear(id),
  };
}

export function sweepMemory(memories: RoomMemories, id: string): SweepMemory {
  return {
    async load() {
      // Only `save` and `note` write under these names.
      const sweep = await memories.load(id, SUBMISSION) as SweepSubmission | null;
      const progress = await memories.load(id, PROGRESS) ?? NO_PROGRESS;
      return sweep && { ...sweep, progress: progress as RememberedSweep["progress"] };
    },
    save: (sweep) => memories.save(id, SUBMISSION, sweep),
    note: (progress) => memories.save(id, PROGRESS, progress),
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
