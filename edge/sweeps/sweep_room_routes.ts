/** The HTTP skin of a sweep's room: the routes of all rooms, and `GET /sheet`. */
import {
  type SeededRequest,
  type SweepPlan,
  type SweepResource,
  sweepStatus,
} from "../../contract/mod.ts";
import { isFlagged } from "../policy/withheld_images.ts";
import { RoomRoutes } from "../rooms/room_routes.ts";
import { sheetResponse } from "./sheet_response.ts";
import { describeSweep } from "./sweep_resource.ts";
import type { SweepRoom } from "./sweep_room.ts";
import type { SweepRun } from "./sweep_run.ts";

/** A sweep's branches are results that others share. */
export const SWEEP_FINISHED =
  "Only a running sweep can be canceled; this one has finished, and its results stay";

const ROUTES = new RoomRoutes<SweepRun>({
  noun: "sweep",
  requestOf: ({ plan }) => sharedRequest(plan),
  describe: describeSweepRun,
  alreadyFinished: SWEEP_FINISHED,
  pictures: { "/sheet": serveSheet },
});

export function handleSweepRequest(room: SweepRoom, request: Request): Promise<Response> {
  return ROUTES.answer(room, request);
}

/** Returns any branch's request: they differ in one setting, but have the same owner. */
function sharedRequest({ branches: [first] }: SweepPlan): SeededRequest {
  if (!first) throw new RangeError("A sweep without branches was held");
  return first.request;
}

function serveSheet({ sheet, submission, branches }: SweepRun): Response {
  if (sheet === null) return new Response(null, { status: 404 });
  const isPrivate = sharedRequest(submission.plan).owner !== undefined ||
    branches.some(({ record: { events } }) => events.some(({ event }) => isFlagged(event)));
  return sheetResponse(sheet, { isPrivate });
}

export function describeSweepRun(
  { submission: { plan }, branches, end, canceled }: SweepRun,
  cached: boolean,
): SweepResource {
  const ends = branches.flatMap((branch) => branch.end ?? []);
  return describeSweep({
    id: plan.id,
    axis: plan.axis,
    branches: plan.branches.map(({ label, same_as, plan }, i) => ({
      label,
      same_as,
      generation: branches[same_as ?? i]?.record ?? { plan, events: [], cached: false },
    })),
    outcome: end?.event ?? null,
    status: end === null ? "running" : sweepStatus(ends, canceled),
    failure: end?.event.type === "sweep.failed" ? end.event.error : null,
    cached,
  });
}
