/**
 * A job as server-sent events in Cog's frames: `start`, `output` with a cursor each, `completed`. Where
 * nothing else is to be said for a while, `generation.progress` says what the job is doing.
 */
import {
  encodeOutput,
  encodeUnnumberedMessage,
  type GenerationEvent,
  PROGRESS,
  type Progress,
} from "../../contract/mod.ts";
import type { Clock } from "../jobs/clock.ts";
import type { EventReader, LoggedEvent } from "../jobs/event_log.ts";
import { outcomeOf, summarizeJob } from "../jobs/job.ts";
import type { Job } from "../jobs/service.ts";
import type { Work } from "../jobs/work.ts";

export interface StreamPorts {
  readonly clock: Clock;
  /** Nothing is silent for longer. */
  readonly heartbeatMs: number;
  /** Says what a job is doing now. */
  readonly describe: (job: Job) => Progress;
}

/** A job that has come further says so after this silence, so that a fast one says nothing. */
const QUIET_MS = 500;

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
  { clock, heartbeatMs, describe }: StreamPorts,
): ReadableStream<Uint8Array> {
  let started = false;
  let upcoming: Promise<LoggedEvent | null> | null = null;
  let described: Work | null = null;

  /** The next event, or "late" where the job's progress is worth saying before it. */
  async function next(): Promise<LoggedEvent | null | "late"> {
    const event = upcoming ??= reader.next();
    while (true) {
      const waitMs = job.work.state === described ? heartbeatMs : Math.min(QUIET_MS, heartbeatMs);
      const turned = job.work.turned.then(() => "turned" as const);
      const next = await within(clock, waitMs, Promise.race([event, turned]));
      if (next !== "turned") return next;
    }
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!started) {
        started = true;
        controller.enqueue(encodeFrame("start", { id: job.id, status: "processing" }));
        return;
      }
      const event = await next();
      if (event === "late") {
        described = job.work.state;
        controller.enqueue(encodeFrame(PROGRESS, describe(job)));
        return;
      }
      upcoming = null;
      if (event) {
        controller.enqueue(encodeLogged(event));
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

function encodeFrame(event: string, data: object): Uint8Array {
  return encoder.encode(encodeUnnumberedMessage(event, data));
}
