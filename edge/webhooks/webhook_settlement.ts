/** Finds the end that webhooks wait for, and settles them when a room reports it. */
import { describeStored } from "../generations/generation_answer.ts";
import { describeGeneration } from "../generations/generation_resource.ts";
import type { RunEnd } from "../generations/run.ts";
import type { SweepRun } from "../sweeps/sweep_run.ts";
import { describeSweepRun } from "../sweeps/sweep_room_routes.ts";
import type { Sweeps } from "../../db/sweep_queries.ts";
import type { LookupPorts } from "../generations/result_lookup.ts";
import type { Rooms } from "../rooms/rooms.ts";
import { roomUrl, THE_EDGE } from "../callers/private_results.ts";
import { describeFound, findSweep } from "../sweeps/stored_sweep.ts";
import { endOfResource, type Resource, type WebhookEnd } from "./webhook_end.ts";
import type { Webhooks } from "./webhooks.ts";

export interface EndPorts extends LookupPorts {
  readonly sweeps: Sweeps;
  readonly rooms: Rooms;
  readonly sweepRooms: Rooms;
}

/**
 * Asks the subject's room, then the database. Null while it runs, and where neither knows it. The
 * room comes first: a stored result may be running again, for insights that it lacks.
 */
export async function findEnd(ports: EndPorts, subject: string): Promise<WebhookEnd | null> {
  const [, kind, id] = /^\/v1\/(generations|sweeps)\/([0-9a-f]{64})$/.exec(subject) ?? [];
  if (kind === undefined || id === undefined) return null;
  const rooms = kind === "sweeps" ? ports.sweepRooms : ports.rooms;
  const response = await rooms.fetch(id, new Request(roomUrl("/state", THE_EDGE)));
  if (response.ok) {
    // The room belongs to this program, so its answer is trusted.
    const resource: Resource = await response.json();
    return endOfResource(resource);
  }
  await response.body?.cancel();
  // A room that cannot resume its run now still has it.
  if (response.status !== 404) return null;
  const stored = kind === "sweeps" ? await storedSweep(ports, id) : await storedResult(ports, id);
  return stored && endOfResource(stored);
}

async function storedResult({ results }: EndPorts, id: string): Promise<Resource | null> {
  const stored = await results.find(id);
  return stored && describeStored(stored);
}

async function storedSweep(ports: EndPorts, id: string): Promise<Resource | null> {
  const { value } = await findSweep(ports, id, THE_EDGE);
  return value && describeFound(value);
}

/** Returns a listener for `GenerationRoomPorts.afterEnd`. */
export function settleRun(webhooks: Pick<Webhooks, "settle">) {
  return async ({ submission: { plan }, events }: RunEnd): Promise<void> => {
    const end = endOfResource(describeGeneration({ plan, events, cached: false }));
    if (end) await webhooks.settle(end);
  };
}

/** Returns a listener for `SweepRoomPorts.afterSweepEnd`. */
export function settleSweep(webhooks: Pick<Webhooks, "settle">) {
  return async (run: SweepRun): Promise<void> => {
    const end = endOfResource(describeSweepRun(run, false));
    if (end) await webhooks.settle(end);
  };
}
