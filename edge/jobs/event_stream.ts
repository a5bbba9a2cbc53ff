/** Server-sent events as a response body. Hono's own helper swallows errors, so this is written out. */
import { encodeServerSentMessage, HEARTBEAT } from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";
import { markCached } from "./event_log.ts";
import type { LogMessage, MessageLog } from "./message_log.ts";
import { settlesWithin } from "./patience.ts";

export interface ReadOptions {
  /** The cursor of the last event that the reader has; -1 for none. */
  readonly after: number;
  /** Whether the reader's submission was answered from a finished result. */
  readonly cached: boolean;
  readonly heartbeatMs: number;
}

/**
 * One reader of a log. The stream pulls: it holds a cursor and at most one event, so a slow reader
 * costs nothing and a fast one waits for the log.
 */
export function readLog(
  log: MessageLog<LogMessage>,
  options: ReadOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const leave = new AbortController();
  let cursor = options.after;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (!leave.signal.aborted) {
        const entry = log.next(cursor);
        if (entry) {
          cursor = entry.id;
          const text = options.cached ? entry.cachedText ?? entry.text : entry.text;
          controller.enqueue(encoder.encode(text));
          if (log.ended && entry.id === log.lastId) controller.close();
          return;
        }
        if (log.ended) return controller.close();
        if (!await settlesWithin(log.changed, options.heartbeatMs, leave.signal)) {
          return controller.enqueue(encoder.encode(HEARTBEAT));
        }
      }
    },
    cancel: () => leave.abort(),
  }, { highWaterMark: 0 });
}

/** A finished log, sent from memory. */
export function replayEvents(
  events: readonly NumberedEvent[],
  { after, cached }: Pick<ReadOptions, "after" | "cached">,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const rest = events.filter(({ id }) => id > after).values();
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value, done } = rest.next();
      if (done) return controller.close();
      const event = cached ? markCached(value.event) : value.event;
      controller.enqueue(encoder.encode(encodeServerSentMessage(value.id, event.type, event)));
    },
  }, { highWaterMark: 0 });
}

/** `no-transform` keeps proxies from compressing, which would hold events back. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
