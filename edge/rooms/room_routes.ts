/**
 * The HTTP skin of a room, the same in process and in a Durable Object: `POST /join`, `GET
 * /events`, `GET /state`, `POST /cancel`, and the pictures of its kind. An empty 404 means that
 * there is no run, or with `?running` that none is under way.
 */
import { createProblem, type OwnedRequest, type Problem } from "../../contract/mod.ts";
import { askerIn, mayRead } from "../callers/private_results.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";
import type { ReplayOptions } from "./event_replay.ts";
import { EVENT_STREAM_HEADERS, READING, readLog } from "./event_stream.ts";
import type { Room, RoomRun } from "./room.ts";
import type { Asker } from "../callers/run_askers.ts";

/** The differences in what rooms show. */
export interface RoomView<Run extends RoomRun> {
  readonly noun: "generation" | "sweep";
  /** Returns the request that names the run's owner. */
  requestOf(submission: Run["submission"]): OwnedRequest;
  describe(run: Run, cached: boolean): RunResource;
  /** Says why a run that has succeeded cannot be canceled. */
  readonly alreadyFinished: string;
  /** Pictures by their paths. */
  readonly pictures: Readonly<Record<string, (run: Run, request: Request) => Response>>;
  /** Sends a finished log with the pauses of its run, where they are asked for. */
  replay?(run: Run, options: ReplayOptions): ReadableStream<Uint8Array>;
  /** Marks in the answer to a join whether that began the run. */
  mark?(headers: Headers, started: boolean): void;
}

interface RunResource {
  readonly status: "running" | "succeeded" | "failed" | "canceled";
  readonly evaluations: { readonly spent: number };
  readonly failure: Problem | null;
}

type Reader = Omit<ReplayOptions, "cached">;

export class RoomRoutes<Run extends RoomRun> {
  readonly #view: RoomView<Run>;

  constructor(view: RoomView<Run>) {
    this.#view = view;
  }

  async answer(room: Room<Run>, request: Request): Promise<Response> {
    const url = new URL(request.url);
    const { pathname, searchParams } = url;
    const reader = {
      after: Number(searchParams.get("after") ?? -1),
      paced: searchParams.get("pace") === "live",
    };
    if (pathname === "/join") return await this.#join(room, request, reader);
    const mayKnow = (asked: Run["submission"]) => mayRead(this.#view.requestOf(asked), url);
    const found = await room.find(mayKnow);
    if (!found.ok) return problemResponse(found.problem);
    const run = found.value;
    if (!run || !mayKnow(run.submission)) return new Response(null, { status: 404 });
    if (searchParams.has("running") && run.log.ended) return new Response(null, { status: 404 });
    switch (pathname) {
      case "/events":
        return this.#stream(run, { ...reader, cached: false });
      case "/state":
        return jsonResponse(this.#view.describe(run, false));
      case "/cancel":
        return await this.#cancel(room, run, askerIn(searchParams));
      default:
        return this.#view.pictures[pathname]?.(run, request) ?? new Response(null, { status: 404 });
    }
  }

  async #join(room: Room<Run>, request: Request, reader: Reader): Promise<Response> {
    const submission: Run["submission"] = await request.json();
    const joined = await room.join(submission);
    if (!joined.ok) return problemResponse(joined.problem);
    const { run, cached, started } = joined.value;
    const streamed = request.headers.get("accept") === "text/event-stream";
    const response = streamed
      ? this.#stream(run, { ...reader, cached })
      : await this.#settle(run, cached);
    this.#view.mark?.(response.headers, started);
    return response;
  }

  #stream(run: Run, options: ReplayOptions): Response {
    const { log } = run;
    // An EventSource takes 204 as the end; after an empty 200 it would reconnect.
    if (log.ended && options.after >= log.lastId) return new Response(null, { status: 204 });
    const replay = log.ended && options.paced ? this.#view.replay?.(run, options) : undefined;
    const body = replay ?? readLog(log, { ...options, ...READING });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  }

  /** Answers a client that waited for the whole: a failed run becomes an HTTP error. */
  async #settle(run: Run, cached: boolean): Promise<Response> {
    await run.done;
    const described = this.#view.describe(run, cached);
    const { status, evaluations: { spent }, failure } = described;
    if (status !== "canceled") return failure ? problemResponse(failure) : jsonResponse(described);
    const detail = `The ${this.#view.noun} was canceled after ${spent} evaluations`;
    return problemResponse(createProblem("conflict", detail));
  }

  async #cancel(room: Room<Run>, run: Run, asker: Asker): Promise<Response> {
    const { describe, alreadyFinished, noun } = this.#view;
    if (!run.log.ended) {
      if (!room.hasAsked(asker)) return problemResponse(notAsked(noun));
      const left = await room.leave(run, asker);
      if (!left.ok) return problemResponse(left.problem);
      const headers = { [GOES_ON]: String(left.value.goesOn) };
      return jsonResponse(describe(run, false), { status: 202, headers });
    }
    const described = describe(run, false);
    if (described.status !== "succeeded") return jsonResponse(described);
    return problemResponse(createProblem("conflict", alreadyFinished));
  }
}

function notAsked(noun: string): Problem {
  const detail =
    `A running ${noun} must be canceled by an account that asked for it, given another`;
  return createProblem("forbidden", detail);
}

/** Says whether others still want a run that its asker has given up. */
const GOES_ON = "x-goes-on";

/** Reads whether the run goes on without who canceled it. */
export function goesOn({ headers }: Response): boolean {
  return headers.get(GOES_ON) === "true";
}

/** Returns the answer to a cancel as its client may see it, who must not learn of others. */
export function withoutMark(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.delete(GOES_ON);
  return new Response(response.body, { status: response.status, headers });
}
