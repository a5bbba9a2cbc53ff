/** Sends a finished log again: from memory, or from a store that gives pictures slice by slice. */
import { LIMITS, type NumberedEvent } from "../../contract/mod.ts";
import { pause } from "../clock.ts";
import { encodeEvent, markCached } from "./event_log.ts";
import { CHUNK_LENGTH, HEARTBEAT_BYTES, type ReadOptions } from "./event_stream.ts";
import { replayPauses } from "./replay_pace.ts";

export interface ReplayOptions extends Pick<ReadOptions, "after" | "cached"> {
  /** Keeps the pauses of the run, instead of sending at once. */
  readonly paced?: boolean;
}

export interface FinishedLog {
  readonly events: readonly NumberedEvent[];
  /** Encodes one of the events as it stands in a stream, in as many pieces as it takes. */
  encode(
    numbered: NumberedEvent,
    cached: boolean,
  ): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Each reader has a piece of one event and no more: the stream reads on when it is pulled. */
export function replayEvents(log: FinishedLog, options: ReplayOptions): ReadableStream<Uint8Array> {
  const leave = new AbortController();
  const pieces = replayed(log, options, leave.signal);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (!done) controller.enqueue(value);
      else if (!leave.signal.aborted) controller.close();
    },
    cancel: () => leave.abort(),
  }, { highWaterMark: 0 });
}

async function* replayed(
  log: FinishedLog,
  { after, cached, paced = false }: ReplayOptions,
  leave: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pauses = paced ? replayPauses(log.events) : [];
  for (const [i, numbered] of log.events.entries()) {
    if (numbered.id <= after) continue;
    for (let wait = pauses[i] ?? 0; wait > 0;) {
      const slice = Math.min(wait, LIMITS.heartbeatMs);
      await pause(slice, leave);
      if (leave.aborted) return;
      wait -= slice;
      if (wait > 0) yield HEARTBEAT_BYTES;
    }
    for await (const bytes of log.encode(numbered, cached)) {
      for (let from = 0; from < bytes.length; from += CHUNK_LENGTH) {
        yield bytes.subarray(from, from + CHUNK_LENGTH);
      }
    }
  }
}

export interface StoredLog {
  /** Pictures are left out: their `data` is empty. */
  readonly events: readonly NumberedEvent[];
  /** Returns the bytes of a picture, in slices of any length. */
  readonly picture: (numbered: NumberedEvent) => AsyncIterable<Uint8Array>;
}

export function storedLog({ events, picture }: StoredLog): FinishedLog {
  return {
    events,
    encode(numbered, cached) {
      const { id, event } = numbered;
      const bytes = encodeEvent(id, cached ? markCached(event) : event);
      return "data" in event ? encodePicture(bytes, picture(numbered)) : [bytes];
    },
  };
}

const EMPTY_DATA = '"data":""';

/** Puts the picture where the event leaves it out. */
async function* encodePicture(
  event: Uint8Array,
  slices: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const text = new TextDecoder().decode(event);
  const place = text.indexOf(EMPTY_DATA) + EMPTY_DATA.length - 1;
  if (place < EMPTY_DATA.length) throw new RangeError("An event of a picture has no place for it");
  const encoder = new TextEncoder();
  yield encoder.encode(text.slice(0, place));
  // Base64 is cut only behind whole groups of three bytes.
  let rest = new Uint8Array();
  for await (const slice of slices) {
    const bytes = joinBytes(rest, slice);
    const end = bytes.length - bytes.length % 3;
    yield encoder.encode(bytes.subarray(0, end).toBase64());
    rest = bytes.slice(end);
  }
  yield encoder.encode(rest.toBase64() + text.slice(place));
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
