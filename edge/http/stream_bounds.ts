/**
 * Bounds what streams cost: how many are open, and how long one waits for a reader that takes
 * nothing. This holds for every stream of the API, whatever it is made of.
 */
import type { Context, Next } from "hono";
import { later } from "../clock.ts";
import type { OpenStreams, StreamPlace } from "../limits/open_streams.ts";
import { wantsStream } from "./event_cursor.ts";
import { problemResponse } from "./problem_response.ts";
import type { EdgeEnv } from "./request_context.ts";

export interface StreamBounds {
  readonly streams: Pick<OpenStreams, "enter">;
  /** Closes a stream whose reader takes nothing for this long. It can resume. */
  readonly stalledMs: number;
}

/** Asks for a place before the work where the request says that it wants a stream. */
export function boundStreams({ streams, stalledMs }: StreamBounds) {
  return async (c: Context<EdgeEnv>, next: Next): Promise<Response | void> => {
    const { account, limits: { concurrent_generations } } = c.get("caller");
    const enter = () => streams.enter(account, concurrent_generations);
    const early = mayStream(c.req.raw) ? enter() : null;
    if (early?.ok === false) return problemResponse(early.problem);
    await next();
    const { body } = c.res;
    if (!body || !isStreamed(c.res) || c.req.method === "HEAD") {
      early?.value.leave();
      return;
    }
    const place = early ?? enter();
    if (!place.ok) {
      await body.cancel();
      c.res = undefined;
      c.res = problemResponse(place.problem);
      return;
    }
    const { status, headers } = c.res;
    c.res = new Response(holdPlace(body, place.value, stalledMs), { status, headers });
  };
}

function mayStream(request: Request): boolean {
  return wantsStream(request) || new URL(request.url).pathname.endsWith("/events");
}

function isStreamed({ headers }: Response): boolean {
  return /^(text\/event-stream|image\/svg\+xml)/.test(headers.get("content-type") ?? "");
}

/** Passes a body on as it is taken, and leaves the place when it ends, however it ends. */
export function holdPlace(
  body: ReadableStream<Uint8Array>,
  place: StreamPlace,
  stalledMs: number,
): ReadableStream<Uint8Array> {
  const source = body.getReader();
  let calmDown = () => {};
  function watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    calmDown = later(stalledMs, () => {
      place.leave();
      const cause = new Error(`The reader took nothing for ${stalledMs} ms`);
      controller.error(cause);
      source.cancel(cause).catch(() => {});
    });
  }
  return new ReadableStream<Uint8Array>({
    // A reader may leave before it takes anything.
    start: watch,
    async pull(controller) {
      calmDown();
      place.renew();
      try {
        const { value, done } = await source.read();
        if (!done) {
          controller.enqueue(value);
          return watch(controller);
        }
        controller.close();
      } catch (cause) {
        controller.error(cause);
      }
      place.leave();
    },
    async cancel(cause) {
      calmDown();
      place.leave();
      await source.cancel(cause);
    },
  }, { highWaterMark: 0 });
}
