/** The HTTP skin of a generation's room: the routes of all rooms, and `GET /image`. */
import { imageResponse } from "./image_response.ts";
import type { CacheOutcome } from "../observability/request_record.ts";
import { replayEvents } from "../rooms/event_replay.ts";
import { RoomRoutes } from "../rooms/room_routes.ts";
import { describeGeneration } from "./generation_resource.ts";
import type { GenerationRoom } from "./generation_room.ts";
import type { GenerationRun } from "./run.ts";

/** A result is shared by all who ask for the same image, so one caller cannot take it away. */
export const ALREADY_FINISHED =
  "Only a running generation can be canceled; this one has finished, and its result stays";

/** Says whether the submission began the run: its caller may end the run for the others. */
export const BEGUN_HERE = "x-begun-here";

/** Reads who began the run; a stored result's answer leaves it out. */
export function cacheOutcome({ headers }: Response): CacheOutcome {
  const begunHere = headers.get(BEGUN_HERE);
  if (begunHere === null) return "hit";
  return begunHere === "true" ? "miss" : "join";
}

const ROUTES = new RoomRoutes<GenerationRun>({
  noun: "generation",
  requestOf: ({ request }) => request,
  describe: ({ submission: { plan }, log: { events } }, cached) =>
    describeGeneration({ plan, events, cached }),
  alreadyFinished: ALREADY_FINISHED,
  pictures: { "/image": serveImage },
  replay: ({ log }, options) => replayEvents(log, options),
  mark: (headers, started) => headers.set(BEGUN_HERE, String(started)),
});

export function handleGenerationRequest(room: GenerationRoom, request: Request): Promise<Response> {
  return ROUTES.answer(room, request);
}

/** Serves a result that the database could not take. */
function serveImage({ log, submission, end }: GenerationRun, request: Request): Response {
  const image = log.events.map(({ event }) => event)
    .find((event) => event.type === "generation.image");
  const succeeded = end?.event.type === "generation.completed";
  if (!image || !succeeded) return new Response(null, { status: 404 });
  const { media_type, sha256, data, safety } = image;
  const flagged = safety?.flagged ?? false;
  const bytes = Uint8Array.fromBase64(data);
  const owner = submission.request.owner ?? null;
  return imageResponse({ media_type, sha256, bytes, owner, flagged }, request, submission.plan.id);
}
