/**
 * The sweep room's HTTP skin, the same in process and behind a Durable Object:
 * `POST /join`, `GET /events`, `GET /state`, `GET /sheet`, `POST /cancel`. An empty 404 means no sweep.
 */
import {
  createProblem,
  type Problem,
  type SeededRequest,
  type SweepPlan,
  type SweepResource,
  sweepStatus,
} from "../../contract/mod.ts";
import { mayRead } from "../callers/private_results.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";
import { isFlagged } from "../policy/withheld_images.ts";
import { sheetResponse } from "./sheet_response.ts";
import { describeSweep } from "./sweep_resource.ts";
import { EVENT_STREAM_HEADERS, READING, readLog } from "../rooms/event_stream.ts";
import type { SweepSubmission } from "./sweep_memory.ts";
import type { SweepRoom } from "./sweep_room.ts";
import type { SweepRun } from "./sweep_run.ts";

export async function handleSweepRequest(room: SweepRoom, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const { pathname, searchParams } = url;
  const after = Number(searchParams.get("after") ?? -1);
  if (pathname === "/join") return await join(room, request, after);
  const found = await room.find(({ plan }) => mayRead(sharedRequest(plan), url));
  if (!found.ok) return problemResponse(found.problem);
  const run = found.value;
  if (!run || !mayRead(sharedRequest(run.submission.plan), url)) {
    return new Response(null, { status: 404 });
  }
  switch (pathname) {
    case "/events":
      return eventResponse(run, { after, cached: false });
    case "/state":
      return jsonResponse(describeSweepRun(run, false));
    case "/sheet":
      return serveSheet(run);
    case "/cancel":
      return await cancel(room, run);
    default:
      return new Response(null, { status: 404 });
  }
}

/** Branches differ in one setting, never in whose they are. */
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

async function join(room: SweepRoom, request: Request, after: number): Promise<Response> {
  const submission: SweepSubmission = await request.json();
  const joined = await room.join(submission);
  if (!joined.ok) return problemResponse(joined.problem);
  const { run, cached } = joined.value;
  if (request.headers.get("accept") === "text/event-stream") {
    return eventResponse(run, { after, cached });
  }
  await run.done;
  const described = describeSweepRun(run, cached);
  const problem = problemOf(described);
  return problem ? problemResponse(problem) : jsonResponse(described);
}

/** For a client that waited for the whole: a failure is an HTTP failure. */
function problemOf({ status, failure, evaluations }: SweepResource): Problem | null {
  if (status !== "canceled") return failure;
  const detail = `The sweep was canceled after ${evaluations.spent} evaluations`;
  return createProblem("conflict", detail);
}

function eventResponse(
  { log }: SweepRun,
  options: { readonly after: number; readonly cached: boolean },
): Response {
  // To an EventSource, 204 says that nothing will follow; an empty 200 would make it come back.
  if (log.ended && options.after >= log.lastId) return new Response(null, { status: 204 });
  const body = readLog(log, { ...options, ...READING });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

export function describeSweepRun(
  { submission: { plan }, branches, end, canceled }: SweepRun,
  cached: boolean,
) {
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

async function cancel(room: SweepRoom, run: SweepRun): Promise<Response> {
  if (!run.log.ended) {
    const canceled = await room.cancel(run);
    if (!canceled.ok) return problemResponse(canceled.problem);
    return jsonResponse(describeSweepRun(run, false), { status: 202 });
  }
  const described = describeSweepRun(run, false);
  if (described.status !== "succeeded") return jsonResponse(described);
  return problemResponse(createProblem("conflict", SWEEP_FINISHED));
}

/** Its branches are results, and shared. */
export const SWEEP_FINISHED =
  "Only a running sweep can be canceled; this one has finished, and its results stay";
