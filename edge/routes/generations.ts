/** `/v1/generations`: submit, look at, follow, cancel. */
import { acceptTogether } from "../http/accept_together.ts";
import { type EdgeApp, type EdgeContext, onBehalfOf, readerOf } from "../http/request_context.ts";
import { createProblem } from "../../contract/mod.ts";
import { readStreamOptions, wantsStream } from "../http/event_cursor.ts";
import { planAsked } from "../generations/asked_generation.ts";
import { answerGeneration, describeStored } from "../generations/generation_answer.ts";
import { generationPath } from "../generations/generation_resource.ts";
import { movedProblem } from "../idempotency/idempotency.ts";
import { replayEvents, storedLog } from "../rooms/event_replay.ts";
import { EVENT_STREAM_HEADERS } from "../rooms/event_stream.ts";
import {
  ALREADY_FINISHED,
  BEGUN_HERE,
  cacheOutcome,
} from "../generations/generation_room_routes.ts";
import { readJsonBody } from "../http/json_body.ts";
import { withoutMark } from "../rooms/room_routes.ts";
import { timePart } from "../http/request_trace.ts";
import type { Ports } from "../ports.ts";
import { readableBy, roomUrl } from "../callers/private_results.ts";
import { jsonResponse, notFound, problemResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";
import { answerWithWebhook } from "../webhooks/webhook_promise.ts";
import { takeWebhook } from "../webhooks/webhook_request.ts";

const ID = ":id{[0-9a-f]{64}}";

export function mountGenerations(app: EdgeApp, ports: Ports): void {
  app.post("/v1/generations", (c) => submit(ports, c));
  app.get(`/v1/generations/${ID}`, (c) => show(ports, readerOf(c), c.req.param("id")));
  app.delete(`/v1/generations/${ID}`, (c) => cancel(ports, readerOf(c), c.req.param("id")));
  app.get(`/v1/generations/${ID}/events`, (c) => follow(ports, c, c.req.param("id")));
}

async function submit(ports: Ports, c: EdgeContext): Promise<Response> {
  const request = c.req.raw;
  const body = await readJsonBody(request);
  if (!body.ok) return problemResponse(body.problem);
  const { settings } = ports.webhooks;
  const { input, url: webhook } = takeWebhook(body.value, settings, c.get("caller"));
  const planned = await timePart(c, "plan", planAsked(ports, c, input));
  const asked = readStreamOptions(request);
  const read = acceptTogether([c.get("idempotencyKey"), asked, webhook, planned]);
  if (!read.ok) return problemResponse(read.problem);
  const [, reading, url, submission] = read.value;
  const subject = generationPath(submission.plan.id);
  const moved = movedProblem(c, subject);
  if (moved) return problemResponse(moved);
  const options = {
    streamed: wantsStream(request),
    ...reading,
    origin: onBehalfOf(c),
    onAnswer: (by: "room" | "store") => c.set("answeredBy", by),
    time: <T>(part: "db" | "room", work: Promise<T>) => timePart(c, part, work),
  };
  const response = await answerWithWebhook(
    ports,
    c,
    { url, subject },
    () => answerGeneration(ports, submission, options),
  );
  if (response.ok) c.set("cache", cacheOutcome(response));
  // The mark is for rooms only: clients must not learn who else was there first.
  response.headers.delete(BEGUN_HERE);
  return response;
}

async function show(ports: Ports, reader: string, id: string): Promise<Response> {
  const stored = await findReadable(ports, reader, id);
  if (stored.value) return jsonResponse(describeStored(stored.value));
  return await askRoom(ports, id, { path: "/state", reader, available: stored.available });
}

async function follow(ports: Ports, c: EdgeContext, id: string): Promise<Response> {
  const asked = readStreamOptions(c.req.raw);
  if (!asked.ok) return problemResponse(asked.problem);
  const { after, paced } = asked.value;
  const reader = readerOf(c);
  const stored = await lookUp(
    ports,
    async (results) => readableBy(await results.replay(id), reader),
  );
  if (stored.value) {
    const rerun = await askRerun(ports, id, { path: `/events?running&after=${after}`, reader });
    if (rerun) return rerun;
    const { events } = stored.value;
    const last = events.at(-1)?.id ?? -1;
    if (after >= last) return new Response(null, { status: 204 });
    const body = replayEvents(storedLog(stored.value), { after, cached: false, paced });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  }
  const path = `/events?after=${after}${paced ? "&pace=live" : ""}`;
  const response = await askRoom(ports, id, { path, reader, available: stored.available });
  if (c.req.method === "HEAD") await response.body?.cancel();
  return c.req.method === "HEAD" ? new Response(null, response) : response;
}

async function cancel(ports: Ports, reader: string, id: string): Promise<Response> {
  const stored = await findReadable(ports, reader, id);
  if (stored.value) {
    const rerun = await askRerun(ports, id, { path: "/cancel?running", method: "POST", reader });
    return rerun
      ? withoutMark(rerun)
      : problemResponse(createProblem("conflict", ALREADY_FINISHED));
  }
  const options = { path: "/cancel", method: "POST", reader, available: stored.available };
  return withoutMark(await askRoom(ports, id, options));
}

function findReadable(ports: Ports, reader: string, id: string) {
  return lookUp(ports, async (results) => readableBy(await results.find(id), reader));
}

interface RoomQuestion {
  readonly path: string;
  /** The account that is asking. */
  readonly reader: string;
  readonly method?: string;
}

/** Asks for a stored result that runs again, for insights that it lacks. Null when it does not. */
async function askRerun(
  { rooms }: Ports,
  id: string,
  { path, reader, method = "GET" }: RoomQuestion,
): Promise<Response | null> {
  const response = await rooms.fetch(id, new Request(roomUrl(path, reader), { method }));
  return response.status === 404 ? null : response;
}

async function askRoom(
  { rooms }: Ports,
  id: string,
  { path, reader, method = "GET", available }: RoomQuestion & { readonly available: boolean },
): Promise<Response> {
  const response = await rooms.fetch(id, new Request(roomUrl(path, reader), { method }));
  if (response.status !== 404) return response;
  if (available) return notFound(`There is no generation ${id}`);
  const detail = "The database is not available, so it is not known whether this generation exists";
  return problemResponse(createProblem("storage_unavailable", detail));
}
