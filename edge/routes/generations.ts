/** `/v1/generations`: submit, look at, follow, cancel. */
import type { Context, Hono } from "hono";
import {
  createFieldProblem,
  createProblem,
  fieldIssue,
  joinInsights,
  lacksInsights,
  type Parsed,
  parseEventId,
  type Plan,
  refuse,
} from "../../contract/mod.ts";
import type { StoredResult } from "../../db/queries.ts";
import { describeGeneration, generationPath } from "../generation_resource.ts";
import { EVENT_STREAM_HEADERS, replayEvents } from "../jobs/event_stream.ts";
import type { RoomSubmission } from "../jobs/job_room.ts";
import { ALREADY_FINISHED } from "../jobs/room_routes.ts";
import { readJsonBody } from "../json_body.ts";
import { planRequest } from "../planning.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, notFound, problemResponse } from "../problem_response.ts";
import { countHit, lookUp } from "../stored_results.ts";

const ID = ":id{[0-9a-f]{64}}";

export function mountGenerations(app: Hono, ports: Ports): void {
  app.post("/v1/generations", (c) => submit(ports, c.req.raw));
  app.get(`/v1/generations/${ID}`, (c) => show(ports, c.req.param("id")));
  app.delete(`/v1/generations/${ID}`, (c) => cancel(ports, c.req.param("id")));
  app.get(`/v1/generations/${ID}/events`, (c) => follow(ports, c, c.req.param("id")));
}

async function submit(ports: Ports, request: Request): Promise<Response> {
  const cursor = readCursor(request);
  if (!cursor.ok) return problemResponse(cursor.problem);
  const body = await readJsonBody(request);
  if (!body.ok) return problemResponse(body.problem);
  const planned = await planRequest(ports, body.value);
  if (!planned.ok) return problemResponse(planned.problem);
  const streamed = (request.headers.get("accept") ?? "").includes("text/event-stream");
  const options = { streamed, after: cursor.value };
  const stored = await findStored(ports, planned.value.plan.id, options);
  if (!stored) return await joinRoom(ports, planned.value, options);
  if (lacksInsights(stored.plan, planned.value.plan)) {
    return await joinRoom(ports, joinInsights(planned.value, stored.plan), options);
  }
  countHit(ports, stored.plan.id);
  return stored.respond();
}

interface AnswerOptions {
  readonly streamed: boolean;
  readonly after: number;
}

interface StoredAnswer {
  readonly plan: Plan;
  respond(): Response;
}

/** Null on a miss, and when the database does not answer. */
async function findStored(
  ports: Ports,
  id: string,
  { streamed, after }: AnswerOptions,
): Promise<StoredAnswer | null> {
  const headers = { location: generationPath(id) };
  if (!streamed) {
    const { value: stored } = await lookUp(ports, (results) => results.find(id));
    const respond = (stored: StoredResult) => jsonResponse(describeStored(stored), { headers });
    return stored ? { plan: stored.plan, respond: () => respond(stored) } : null;
  }
  const { value: events } = await lookUp(ports, (results) => results.replay(id));
  const planned = events?.find(({ event }) => event.type === "generation.planned")?.event;
  if (!events || planned?.type !== "generation.planned") return null;
  return {
    plan: planned.plan,
    respond: () =>
      new Response(replayEvents(events, { after, cached: true }), {
        headers: { ...EVENT_STREAM_HEADERS, ...headers },
      }),
  };
}

function describeStored({ plan, events, image }: StoredResult) {
  return describeGeneration({ plan, events, cached: true, imageBytes: image.bytes });
}

/** The room's answer passes through by its body: no event is touched here. */
async function joinRoom(
  ports: Ports,
  submission: RoomSubmission,
  { streamed, after }: AnswerOptions,
): Promise<Response> {
  const { id } = submission.plan;
  const response = await ports.rooms.fetch(
    id,
    new Request(`http://room/join?after=${after}`, {
      method: "POST",
      headers: { accept: streamed ? "text/event-stream" : "application/json" },
      body: JSON.stringify(submission),
    }),
  );
  const headers = new Headers(response.headers);
  if (response.ok) headers.set("location", generationPath(id));
  return new Response(response.body, { status: response.status, headers });
}

async function show(ports: Ports, id: string): Promise<Response> {
  const stored = await lookUp(ports, (results) => results.find(id));
  if (stored.value) return jsonResponse(describeStored(stored.value));
  return await askRoom(ports, id, { path: "/state", available: stored.available });
}

async function follow(ports: Ports, c: Context, id: string): Promise<Response> {
  const cursor = readCursor(c.req.raw);
  if (!cursor.ok) return problemResponse(cursor.problem);
  const after = cursor.value;
  const stored = await lookUp(ports, (results) => results.replay(id));
  if (stored.value) {
    const rerun = await askRerun(ports, id, `/events?running&after=${after}`);
    if (rerun) return rerun;
    const last = stored.value.at(-1)?.id ?? -1;
    if (after >= last) return new Response(null, { status: 204 });
    const body = replayEvents(stored.value, { after, cached: false });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  }
  const path = `/events?after=${after}`;
  const response = await askRoom(ports, id, { path, available: stored.available });
  if (c.req.method === "HEAD") await response.body?.cancel();
  return c.req.method === "HEAD" ? new Response(null, response) : response;
}

async function cancel(ports: Ports, id: string): Promise<Response> {
  const stored = await lookUp(ports, (results) => results.has(id).then((has) => has || null));
  if (stored.value) {
    const rerun = await askRerun(ports, id, "/cancel?running", "POST");
    return rerun ?? problemResponse(createProblem("conflict", ALREADY_FINISHED));
  }
  const options = { path: "/cancel", method: "POST", available: stored.available };
  return await askRoom(ports, id, options);
}

/** A stored result may be on its way again, for insights that it lacks. Null when it is not. */
async function askRerun(
  { rooms }: Ports,
  id: string,
  path: string,
  method: "GET" | "POST" = "GET",
): Promise<Response | null> {
  const response = await rooms.fetch(id, new Request(`http://room${path}`, { method }));
  return response.status === 404 ? null : response;
}

async function askRoom(
  { rooms }: Ports,
  id: string,
  { path, method = "GET", available }: { path: string; method?: string; available: boolean },
): Promise<Response> {
  const response = await rooms.fetch(id, new Request(`http://room${path}`, { method }));
  if (response.status !== 404) return response;
  if (available) return notFound(`There is no generation ${id}`);
  const detail = "The database is not available, so it is not known whether this generation exists";
  return problemResponse(createProblem("storage_unavailable", detail));
}

/** `Last-Event-ID`, which wins, or `?last_event_id=` for a first connection. -1 when absent. */
function readCursor(request: Request): Parsed<number> {
  const given = request.headers.get("last-event-id") ??
    new URL(request.url).searchParams.get("last_event_id");
  if (given === null || given === "") return { ok: true, value: -1 };
  const id = parseEventId(given);
  if (id !== null) return { ok: true, value: id };
  const issue = fieldIssue("Last-Event-ID", "the id of an event, such as 12", given);
  return refuse(createFieldProblem("invalid_request", [issue]));
}
