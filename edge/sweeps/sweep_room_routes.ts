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
import type { SweepJob, SweepRoom } from "./sweep_room.ts";

export async function handleSweepRequest(room: SweepRoom, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const { pathname, searchParams } = url;
  const after = Number(searchParams.get("after") ?? -1);
  if (pathname === "/join") return await join(room, request, after);
  const found = await room.find(({ plan }) => mayRead(sharedRequest(plan), url));
  if (!found.ok) return problemResponse(found.problem);
  const job = found.value;
  if (!job || !mayRead(sharedRequest(job.plan), url)) return new Response(null, { status: 404 });
  switch (pathname) {
    case "/events":
      return eventResponse(job, { after, cached: false });
    case "/state":
      return jsonResponse(describeSweepJob(job, false));
    case "/sheet":
      return serveSheet(job);
    case "/cancel":
      return await cancel(room, job);
    default:
      return new Response(null, { status: 404 });
  }
}

/** Branches differ in one setting, never in whose they are. */
function sharedRequest({ branches: [first] }: SweepPlan): SeededRequest {
  if (!first) throw new RangeError("A sweep without branches was held");
  return first.request;
}

function serveSheet({ sheet, plan, runs }: SweepJob): Response {
  if (sheet === null) return new Response(null, { status: 404 });
  const isPrivate = sharedRequest(plan).owner !== undefined ||
    runs.some(({ record: { events } }) => events.some(({ event }) => isFlagged(event)));
  return sheetResponse(sheet, { isPrivate });
}

async function join(room: SweepRoom, request: Request, after: number): Promise<Response> {
  const submission: SweepSubmission = await request.json();
  const joined = await room.join(submission);
  if (!joined.ok) return problemResponse(joined.problem);
  const { job, cached } = joined.value;
  if (request.headers.get("accept") === "text/event-stream") {
    return eventResponse(job, { after, cached });
  }
  await job.done;
  const described = describeSweepJob(job, cached);
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
  { log }: SweepJob,
  options: { readonly after: number; readonly cached: boolean },
): Response {
  // To an EventSource, 204 says that nothing will follow; an empty 200 would make it come back.
  if (log.ended && options.after >= log.lastId) return new Response(null, { status: 204 });
  const body = readLog(log, { ...options, ...READING });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

export function describeSweepJob(
  { plan, runs, end, canceled, finishedAt }: SweepJob,
  cached: boolean,
) {
  const ends = runs.flatMap((run) => run.end ?? []);
  return describeSweep({
    id: plan.id,
    axis: plan.axis,
    branches: plan.branches.map(({ label, same_as, plan }, i) => ({
      label,
      same_as,
      generation: runs[same_as ?? i]?.record ?? { plan, events: [], cached: false },
    })),
    outcome: end,
    status: finishedAt === null ? "running" : sweepStatus(ends, canceled),
    failure: end?.type === "sweep.failed" ? end.error : null,
    cached,
  });
}

async function cancel(room: SweepRoom, job: SweepJob): Promise<Response> {
  if (!job.log.ended) {
    const canceled = await room.cancel(job);
    if (!canceled.ok) return problemResponse(canceled.problem);
    return jsonResponse(describeSweepJob(job, false), { status: 202 });
  }
  const described = describeSweepJob(job, false);
  if (described.status !== "succeeded") return jsonResponse(described);
  return problemResponse(createProblem("conflict", SWEEP_FINISHED));
}

/** Its branches are results, and shared. */
export const SWEEP_FINISHED =
  "Only a running sweep can be canceled; this one has finished, and its results stay";
