/**
 * The answer to a planned generation, for its own route and for the sweeps that it is a branch of.
 */
import { joinInsights, lacksInsights, type Plan } from "../../contract/mod.ts";
import type { StoredResult } from "../../db/result_queries.ts";
import type { ReaderCache } from "../cache/reader_cache.ts";
import { cacheResource, cacheStream, findCachedAnswer } from "../cache/cached_results.ts";
import { describeGeneration, generationPath } from "./generation_resource.ts";
import { replayEvents, storedLog } from "../rooms/event_replay.ts";
import { EVENT_STREAM_HEADERS } from "../rooms/event_stream.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { PlannedGeneration } from "./run.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";
import { JSON_HEADERS, jsonResponse, problemResponse } from "../http/problem_response.ts";
import { countHit, type HitPorts, lookUp } from "./result_lookup.ts";

export interface AnswerOptions {
  readonly streamed: boolean;
  readonly after: number;
  /** Replays a stored run with its own pauses, instead of at once. */
  readonly paced?: boolean;
  readonly origin: OnBehalfOf;
  /** Called with what answers, before it does. */
  readonly onAnswer?: (by: "room" | "store") => void;
  /** Measures a part of the answer. */
  readonly time?: <T>(part: "db" | "room", work: Promise<T>) => Promise<T>;
}

const UNTIMED: NonNullable<AnswerOptions["time"]> = (_, work) => work;

/** The part of the app that an answer needs. */
export interface AnswerPorts extends HitPorts {
  readonly cache: ReaderCache;
  readonly rooms: Rooms;
}

/** Returns the stored result if it shows all that is asked for, or else joins or begins the run. */
export async function answerGeneration(
  ports: AnswerPorts,
  submission: PlannedGeneration,
  options: AnswerOptions,
): Promise<Response> {
  const { time = UNTIMED } = options;
  const stored = await findCached(ports, submission, options) ??
    await time("db", findStored(ports, submission.plan.id, options));
  const isWhole = stored !== null && !lacksInsights(stored.plan, submission.plan);
  options.onAnswer?.(isWhole ? "store" : "room");
  if (!stored) return await time("room", joinRoom(ports, submission, options));
  if (!isWhole) {
    const wanted = joinInsights(submission, stored.plan);
    return await time("room", joinRoom(ports, wanted, options));
  }
  countHit(ports, submission.plan.id);
  return stored.respond();
}

interface StoredAnswer {
  readonly plan: Pick<Plan, "id" | "insights">;
  respond(): Response;
}

/** Answers a whole result from the cache near the reader, if it shows all that is asked for. */
async function findCached(
  ports: AnswerPorts,
  { plan: { id, insights } }: PlannedGeneration,
  { streamed, after, paced = false }: AnswerOptions,
): Promise<StoredAnswer | null> {
  if (after >= 0 || paced) return null;
  const cached = await findCachedAnswer(ports, streamed ? "streams" : "resources", id);
  if (!cached || lacksInsights({ id, insights: cached.insights }, { insights })) return null;
  const headers = {
    ...(streamed ? EVENT_STREAM_HEADERS : JSON_HEADERS),
    location: generationPath(id),
  };
  return {
    plan: { id, insights: cached.insights },
    respond: () => new Response(cached.body, { headers }),
  };
}

/** Returns null on a miss, and when the database does not answer. */
async function findStored(
  ports: AnswerPorts,
  id: string,
  { streamed, after, paced = false }: AnswerOptions,
): Promise<StoredAnswer | null> {
  const headers = { location: generationPath(id) };
  if (!streamed) {
    const { value: stored } = await lookUp(ports, (results) => results.find(id));
    if (!stored) return null;
    const resource = describeStored(stored);
    const { failure } = resource;
    if (failure) return { plan: stored.plan, respond: () => problemResponse(failure) };
    cacheResource(ports, stored, resource);
    return { plan: stored.plan, respond: () => jsonResponse(resource, { headers }) };
  }
  const { value: stored } = await lookUp(ports, (results) => results.replay(id));
  if (!stored) return null;
  if (after < 0 && !paced) cacheStream(ports, id, stored);
  return {
    plan: stored.plan,
    respond: () =>
      new Response(replayEvents(storedLog(stored), { after, cached: true, paced }), {
        headers: { ...EVENT_STREAM_HEADERS, ...headers },
      }),
  };
}

export function describeStored({ plan, events, image }: StoredResult) {
  return describeGeneration({ plan, events, cached: true, imageBytes: image.bytes });
}

/** Passes the body of the room's answer through, so that its events are not decoded here. */
async function joinRoom(
  ports: AnswerPorts,
  submission: PlannedGeneration,
  { streamed, after, paced = false, origin }: AnswerOptions,
): Promise<Response> {
  const { id } = submission.plan;
  const response = await ports.rooms.fetch(
    id,
    new Request(`http://room/join?after=${after}${paced ? "&pace=live" : ""}`, {
      method: "POST",
      headers: { accept: streamed ? "text/event-stream" : "application/json" },
      body: JSON.stringify({ ...submission, origin }),
    }),
  );
  const headers = new Headers(response.headers);
  if (response.ok) headers.set("location", generationPath(id));
  return new Response(response.body, { status: response.status, headers });
}
