/** Server-sent events as a response body. Hono's own helper swallows errors, so this is written out. */
import {
  encodeServerSentMessage,
  type GenerationEvent,
  HEARTBEAT,
  isTerminal,
} from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";
import type { EventLog } from "./event_log.ts";
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
export function readLog(log: EventLog, options: ReadOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const leave = new AbortController();
  let cursor = options.after;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (!leave.signal.aborted) {
        const entry = log.next(cursor);
        if (entry) {
          cursor = entry.id;
          const text = options.cached ? encodeCached(entry) : entry.text;
          controller.enqueue(encoder.encode(text));
          if (isTerminal(entry.event)) controller.close();
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
      const { id, event } = value;
      const text = cached ? encodeCached(value) : encodeServerSentMessage(id, event.type, event);
      controller.enqueue(encoder.encode(text));
    },
  }, { highWaterMark: 0 });
}

function encodeCached({ id, event }: NumberedEvent): string {
  const marked: GenerationEvent = event.type === "generation.completed"
    ? { ...event, cached: true }
    : event;
  return encodeServerSentMessage(id, event.type, marked);
}

/** `no-transform` keeps proxies from compressing, which would hold events back. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
