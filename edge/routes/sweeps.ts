/** `/v1/sweeps`: submit, look at, follow, cancel, and the contact sheet. */
import { acceptTogether } from "../http/accept_together.ts";
import { type EdgeApp, type EdgeContext, onBehalfOf, readerOf } from "../http/request_context.ts";
import { createProblem, type SweepPlan } from "../../contract/mod.ts";
import { readCursor, wantsStream } from "../http/event_cursor.ts";
import { movedProblem } from "../idempotency/idempotency.ts";
import { EVENT_STREAM_HEADERS } from "../rooms/event_stream.ts";
import { withoutMark } from "../rooms/room_routes.ts";
import { SWEEP_FINISHED } from "../sweeps/sweep_room_routes.ts";
import { readJsonBody } from "../http/json_body.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";
import { planSweepRequest } from "../generations/planning.ts";
import { isFlagged } from "../policy/withheld_images.ts";
import type { Ports } from "../ports.ts";
import { roomUrl } from "../callers/private_results.ts";
import { jsonResponse, notFound, problemResponse } from "../http/problem_response.ts";
import { sheetResponse } from "../sweeps/sheet_response.ts";
import {
  countSweepHit,
  describeFound,
  findSweep,
  type FoundSweep,
  lacksBranches,
  lastIdOf,
  replaySweep,
  streamSheet,
} from "../sweeps/stored_sweep.ts";
import { sweepPath } from "../sweeps/sweep_resource.ts";
import { answerWithWebhook } from "../webhooks/webhook_promise.ts";
import { takeWebhook } from "../webhooks/webhook_request.ts";

const ID = ":id{[0-9a-f]{64}}";

export function mountSweeps(app: EdgeApp, ports: Ports): void {
  app.post("/v1/sweeps", (c) => submit(ports, c));
  app.get(`/v1/sweeps/${ID}`, (c) => show(ports, readerOf(c), c.req.param("id")));
  app.delete(`/v1/sweeps/${ID}`, (c) => cancel(ports, readerOf(c), c.req.param("id")));
  app.get(`/v1/sweeps/${ID}/events`, (c) => follow(ports, c, c.req.param("id")));
  app.get(`/v1/sweeps/${ID}/sheet.svg`, (c) => showSheet(ports, readerOf(c), c.req.param("id")));
}

async function submit(ports: Ports, c: EdgeContext): Promise<Response> {
  const request = c.req.raw;
  const body = await readJsonBody(request);
  if (!body.ok) return problemResponse(body.problem);
  const caller = c.get("caller");
  const { input, url: webhook } = takeWebhook(body.value, ports.webhooks.settings, caller);
  const drawSeed = c.get("drawSeed");
  const planned = await planSweepRequest({ ...ports, drawSeed }, input, caller);
  const cursor = readCursor(request);
  const read = acceptTogether([c.get("idempotencyKey"), cursor, webhook, planned]);
  if (!read.ok) return problemResponse(read.problem);
  const [, after, url, plan] = read.value;
  const subject = sweepPath(plan.id);
  const moved = movedProblem(c, subject);
  if (moved) return problemResponse(moved);
  const options = {
    streamed: wantsStream(request),
    after,
    origin: onBehalfOf(c),
    onAnswer: (by: "room" | "store") => c.set("answeredBy", by),
  };
  return await answerWithWebhook(
    ports,
    c,
    { url, subject },
    () => answerSweep(ports, plan, options),
  );
}

interface SweepAnswerOptions {
  readonly streamed: boolean;
  readonly after: number;
  readonly origin: OnBehalfOf;
  readonly onAnswer: (by: "room" | "store") => void;
}

/** Answers with the stored sweep if it shows all that is asked for, or from its room. */
async function answerSweep(
  ports: Ports,
  plan: SweepPlan,
  options: SweepAnswerOptions,
): Promise<Response> {
  const { id } = plan;
  const stored = await findSweep(ports, id, options.origin.account);
  const plans = stored.value?.results.map(({ plan }) => plan) ?? [];
  const isWhole = stored.value !== null && !lacksBranches(plans, plan);
  options.onAnswer(isWhole ? "store" : "room");
  if (stored.value && isWhole) {
    return answerStored(ports, stored.value, options);
  }
  const response = await ports.sweepRooms.fetch(
    id,
    new Request(`http://room/join?after=${options.after}`, {
      method: "POST",
      headers: { accept: options.streamed ? "text/event-stream" : "application/json" },
      body: JSON.stringify({ plan, origin: options.origin }),
    }),
  );
  const headers = new Headers(response.headers);
  if (response.ok) headers.set("location", sweepPath(id));
  return new Response(response.body, { status: response.status, headers });
}

function answerStored(
  ports: Ports,
  found: FoundSweep,
  { streamed, after }: SweepAnswerOptions,
): Response {
  const { id } = found.sweep;
  countSweepHit(ports, id);
  const headers = { location: sweepPath(id) };
  if (!streamed) return jsonResponse(describeFound(found), { headers });
  const body = replaySweep(found, { results: ports.results, after, cached: true });
  return new Response(body, { headers: { ...EVENT_STREAM_HEADERS, ...headers } });
}

async function show(ports: Ports, reader: string, id: string): Promise<Response> {
  const stored = await findSweep(ports, id, reader);
  if (stored.value) return jsonResponse(describeFound(stored.value));
  return await askRoom(ports, "/state", { id, reader, available: stored.available });
}

/** Asks the room first, as long as it has the log, since that also has previews. */
async function follow(ports: Ports, c: EdgeContext, id: string): Promise<Response> {
  const cursor = readCursor(c.req.raw);
  if (!cursor.ok) return problemResponse(cursor.problem);
  const after = cursor.value;
  const reader = readerOf(c);
  const response = await ports.sweepRooms.fetch(
    id,
    new Request(roomUrl(`/events?after=${after}`, reader)),
  );
  const live = response.status === 404
    ? await followStored(ports, id, { after, reader })
    : response;
  if (c.req.method !== "HEAD") return live;
  await live.body?.cancel();
  return new Response(null, live);
}

async function followStored(
  ports: Ports,
  id: string,
  { after, reader }: { readonly after: number; readonly reader: string },
): Promise<Response> {
  const stored = await findSweep(ports, id, reader);
  if (!stored.value) return unknownSweep(id, stored.available);
  if (after >= lastIdOf(stored.value)) return new Response(null, { status: 204 });
  const body = replaySweep(stored.value, { results: ports.results, after, cached: false });
  return new Response(body, { headers: EVENT_STREAM_HEADERS });
}

async function showSheet(ports: Ports, reader: string, id: string): Promise<Response> {
  const stored = await findSweep(ports, id, reader);
  if (stored.value) {
    const isPrivate = stored.value.results.some(({ owner, events }) =>
      owner !== null || events.some(({ event }) => isFlagged(event))
    );
    return sheetResponse(streamSheet(stored.value, ports.results), { isPrivate });
  }
  const response = await ports.sweepRooms.fetch(id, new Request(roomUrl("/sheet", reader)));
  if (response.status !== 404) return response;
  if (!stored.available) return unknownSweep(id, false);
  return notFound(`There is no sheet of a sweep ${id}`);
}

async function cancel(ports: Ports, reader: string, id: string): Promise<Response> {
  const stored = await findSweep(ports, id, reader);
  if (stored.value) return problemResponse(createProblem("conflict", SWEEP_FINISHED));
  const { available } = stored;
  return withoutMark(
    await askRoom(ports, "/cancel", { id, reader, method: "POST", available }),
  );
}

async function askRoom(
  { sweepRooms }: Ports,
  path: string,
  { id, reader, method = "GET", available }: {
    readonly id: string;
    readonly reader: string;
    readonly method?: string;
    readonly available: boolean;
  },
): Promise<Response> {
  const response = await sweepRooms.fetch(id, new Request(roomUrl(path, reader), { method }));
  return response.status === 404 ? unknownSweep(id, available) : response;
}

function unknownSweep(id: string, available: boolean): Response {
  if (available) return notFound(`There is no sweep ${id}`);
  const detail = "The database is not available, so it is not known whether this sweep exists";
  return problemResponse(createProblem("storage_unavailable", detail));
}
