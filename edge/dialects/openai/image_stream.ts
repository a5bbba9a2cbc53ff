/**
 * A run as OpenAI streams it: at most as many previews as were asked for, then the image. Its
 * events have no ids, since OpenAI's clients never resume. A run goes on after its reader leaves,
 * and answers from the cache later.
 */
import {
  createProblem,
  HEARTBEAT,
  LIMITS,
  type Plan,
  ProblemError,
} from "../../../contract/mod.ts";
import type { Log } from "../../observability/log.ts";
import { settlesWithin } from "../../clock.ts";
import { completedImage, partialImage } from "./image_answer.ts";
import { spreadPreviews } from "./image_plans.ts";
import type { ImageProgress } from "./image_run.ts";
import { openAiError } from "./openai_error.ts";

export interface ImageStreamOptions {
  readonly plan: Plan;
  readonly partialImages: number;
  /** Unix time in seconds. */
  readonly created: number;
  readonly log: Log;
  readonly heartbeatMs?: number;
  /** Called when the reader leaves. */
  readonly leave: () => void;
}

interface ImageEvent {
  readonly type: string;
}

export function streamImage(
  progress: AsyncIterable<ImageProgress>,
  options: ImageStreamOptions,
): ReadableStream<Uint8Array> {
  const { heartbeatMs = LIMITS.heartbeatMs, leave } = options;
  const encoder = new TextEncoder();
  const events = toImageEvents(progress, options);
  let next: Promise<IteratorResult<ImageEvent>> | null = null;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      next ??= events.next();
      if (!await settlesWithin(next, heartbeatMs)) {
        return controller.enqueue(encoder.encode(HEARTBEAT));
      }
      const { done, value } = await next;
      next = null;
      if (done) return controller.close();
      controller.enqueue(encoder.encode(encodeImageEvent(value)));
    },
    cancel: leave,
  }, { highWaterMark: 0 });
}

/** Ends with `image_generation.completed`, or with an `error`. */
async function* toImageEvents(
  progress: AsyncIterable<ImageProgress>,
  options: ImageStreamOptions,
): AsyncGenerator<ImageEvent> {
  const { plan, partialImages, created } = options;
  const isDue = spreadPreviews(plan.num_inference_steps, partialImages);
  let index = 0;
  try {
    for await (const step of progress) {
      if ("drawn" in step) yield completedImage(step.drawn, created);
      else if (isDue(step.preview.step)) {
        yield partialImage(step.preview, plan, { created, index: index++ });
      }
    }
  } catch (cause) {
    yield { type: "error", ...reportFailure(cause, options) };
  }
}

function reportFailure(cause: unknown, { log, plan }: ImageStreamOptions) {
  if (cause instanceof ProblemError) return { error: openAiError(cause.problem) };
  log({ level: "error", message: "Streaming an image failed", generation: plan.id, cause });
  const detail = "The edge failed; its log has more under the generation's id";
  return { error: openAiError(createProblem("internal", detail)) };
}

function encodeImageEvent(event: ImageEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
