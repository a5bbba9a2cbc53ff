/**
 * The room's HTTP skin, the same in process and behind a Durable Object:
 * `POST /join`, `GET /events`, `GET /state`, `GET /image`, `POST /cancel`. An empty 404 means no job, or
 * with `?running` none under way.
 */
import { createProblem } from "../../contract/mod.ts";
import { describeGeneration } from "./generation_resource.ts";
import { imageResponse } from "./image_response.ts";
import type { CacheOutcome } from "../observability/request_record.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";
import {
  EVENT_STREAM_HEADERS,
  READING,
  readLog,
  replayEvents,
  type ReplayOptions,
} from "../rooms/event_stream.ts";
import { mayRead } from "../callers/private_results.ts";
import type { GenerationRoom } from "./generation_room.ts";
import type { GenerationRun, GenerationSubmission } from "./run.ts";

export async function handleRoomRequest(room: GenerationRoom, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const { pathname, searchParams } = url;
  const reader = {
    after: Number(searchParams.get("after") ?? -1),
    paced: searchParams.get("pace") === "live",
  };
  if (pathname === "/join") return await join(room, request, reader);
  const found = await room.find((submission) => mayRead(submission.request, url));
  if (!found.ok) return problemResponse(found.problem);
  const run = found.value;
  const wantsRunning = searchParams.has("running");
  if (!run || !mayRead(run.submission.request, url)) return new Response(null, { status: 404 });
  if (wantsRunning && run.log.ended) return new Response(null, { status: 404 });
  switch (pathname) {
    case "/events":
      return eventResponse(run, { ...reader, cached: false });
    case "/state":
      return jsonResponse(describe(run, false));
    case "/image":
      return serveImage(run, request);
    case "/cancel":
      return await cancel(room, run);
    default:
      return new Response(null, { status: 404 });
  }
}

/** Whether the submission began the run: who begins a run may end it for those who join. */
export const BEGUN_HERE = "x-begun-here";

/** A stored result's answer says nothing of who began it. */
export function cacheOutcome({ headers }: Response): CacheOutcome {
  const begunHere = headers.get(BEGUN_HERE);
  if (begunHere === null) return "hit";
  return begunHere === "true" ? "miss" : "join";
}

type Reader = Omit<ReplayOptions, "cached">;

async function join(room: GenerationRoom, request: Request, reader: Reader): Promise<Response> {
  const submission: GenerationSubmission = await request.json();
  const joined = await room.join(submission);
  if (!joined.ok) return problemResponse(joined.problem);
  const { run, cached, started } = joined.value;
  if (request.headers.get("accept") === "text/event-stream") {
    const response = eventResponse(run, { ...reader, cached });
    response.headers.set(BEGUN_HERE, String(started));
    return response;
  }
  await run.done;
  const response = settledResponse(run, cached);
  response.headers.set(BEGUN_HERE, String(started));
  return response;
}

/** For a client that waited for the whole: a failure is an HTTP failure. */
function settledResponse(run: GenerationRun, cached: boolean): Response {
  const last = run.log.events.at(-1)?.event;
  if (last?.type === "generation.failed") return problemResponse(last.error);
  if (last?.type === "generation.canceled") {
    const detail = `The generation was canceled after ${last.evaluations} evaluations`;
    return problemResponse(createProblem("conflict", detail));
  }
  return jsonResponse(describe(run, cached));
}

function eventResponse({ log }: GenerationRun, options: ReplayOptions): Response {
  // To an EventSource, 204 says that nothing will follow; an empty 200 would make it come back.
  if (log.ended && options.after >= log.lastId) return new Response(null, { status: 204 });
  const body = log.ended && options.paced
    ? replayEvents(log.events, options)
    : readLog(log, { ...options, ...READING });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

function describe({ submission, log }: GenerationRun, cached: boolean) {
  return describeGeneration({ plan: submission.plan, events: log.events, cached });
}

/** For results that the database could not take. */
function serveImage({ log, submission }: GenerationRun, request: Request): Response {
  const image = log.events.map(({ event }) => event)
    .find((event) => event.type === "generation.image");
  const succeeded = log.events.at(-1)?.event.type === "generation.completed";
  if (!image || !succeeded) return new Response(null, { status: 404 });
  const { media_type, sha256, data, safety } = image;
  const flagged = safety?.flagged ?? false;
  const bytes = Uint8Array.fromBase64(data);
  const owner = submission.request.owner ?? null;
  return imageResponse({ media_type, sha256, bytes, owner, flagged }, request, submission.plan.id);
}

async function cancel(room: GenerationRoom, run: GenerationRun): Promise<Response> {
  if (!run.log.ended) {
    const canceled = await room.cancel(run);
    if (!canceled.ok) return problemResponse(canceled.problem);
    return jsonResponse(describe(run, false), { status: 202 });
  }
  if (run.end?.event.type !== "generation.completed") return jsonResponse(describe(run, false));
  return problemResponse(createProblem("conflict", ALREADY_FINISHED));
}

/** A result is shared by everyone who asks for the same image, so one caller cannot take it away. */
export const ALREADY_FINISHED =
  "Only a running generation can be canceled; this one has finished, and its result stays";
