/** A job as server-sent events in Cog's frames: `start`, `output` with a cursor each, `completed`. */
import { encodeOutput, type GenerationEvent, HEARTBEAT } from "../../contract/mod.ts";
import type { Clock } from "../jobs/clock.ts";
import type { EventReader, LoggedEvent } from "../jobs/event_log.ts";
import { outcomeOf, summarizeJob } from "../jobs/job.ts";
import type { Job } from "../jobs/service.ts";

const encoder = new TextEncoder();
/** Encoded once for all readers; goes when the job goes. An event has one place in one log. */
const frames = new WeakMap<GenerationEvent, Uint8Array>();

/**
 * Everything the reader has yet to see. Nothing is read ahead: each chunk is made when the client has
 * taken the one before, so a slow client holds one chunk and no more.
 */
export function streamPrediction(
  job: Job,
  reader: EventReader,
  { clock, heartbeatMs }: { clock: Clock; heartbeatMs: number },
): ReadableStream<Uint8Array> {
  let started = false;
  let upcoming: Promise<LoggedEvent | null> | null = null;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!started) {
        started = true;
        controller.enqueue(encodeFrame("start", { id: job.id, status: "processing" }));
        return;
      }
      upcoming ??= reader.next();
      const next = await within(clock, heartbeatMs, upcoming);
      if (next === "late") {
        controller.enqueue(encoder.encode(HEARTBEAT));
        return;
      }
      upcoming = null;
      if (next) {
        controller.enqueue(encodeLogged(next));
        return;
      }
      if (outcomeOf(job.state) !== null) {
        controller.enqueue(encodeFrame("completed", summarizeJob(job.id, job.state)));
      }
      controller.close();
    },
    cancel: () => reader.close(),
  }, { highWaterMark: 0 });
}

async function within<T>(clock: Clock, delayMs: number, value: Promise<T>): Promise<T | "late"> {
  let clear = () => {};
  const late = new Promise<"late">((resolve) => {
    clear = clock.setTimer(delayMs, () => resolve("late"));
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clear();
  }
}

function encodeLogged({ index, event }: LoggedEvent): Uint8Array {
  const known = frames.get(event);
  if (known) return known;
  const frame = encoder.encode(encodeOutput(event, index));
  frames.set(event, frame);
  return frame;
}

/** A frame that is no place to resume from. */
function encodeFrame(event: string, data: object): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
