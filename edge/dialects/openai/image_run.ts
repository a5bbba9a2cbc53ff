/**
 * Follows a generation's events as one image: its previews, then its end as a value or a problem.
 */
import {
  createProblem,
  type GenerationEvent,
  type GenerationEventOf,
  type NumberedEvent,
  type Plan,
  ProblemError,
} from "../../../contract/mod.ts";
import type { DrawnImage } from "./image_answer.ts";

export type ImageProgress =
  | { readonly preview: GenerationEventOf<"generation.preview"> }
  | { readonly drawn: DrawnImage };

/**
 * Yields previews as they come, then the image once it is complete.
 * @param begunHere a run that this request began is not a cache hit, even if a reconnection reads
 * it there
 * @throws ProblemError where the generation fails, is canceled or breaks off
 */
export async function* followImage(
  events: AsyncIterable<NumberedEvent>,
  plan: Plan,
  begunHere: boolean,
): AsyncGenerator<ImageProgress> {
  let image: GenerationEventOf<"generation.image"> | null = null;
  for await (const { event } of events) {
    if (event.type === "generation.preview") yield { preview: event };
    if (event.type === "generation.image") image = event;
    if (event.type === "generation.completed" && image) {
      const completed = begunHere ? { ...event, cached: false } : event;
      return yield { drawn: { plan, image, completed } };
    }
    refuseEnd(event);
  }
  throw new ProblemError(createProblem("upstream_failed", "The generation ended without an image"));
}

/** @throws ProblemError when the event is a failed or canceled end */
function refuseEnd(event: GenerationEvent): void {
  if (event.type === "generation.failed") throw new ProblemError(event.error);
  if (event.type !== "generation.canceled") return;
  const detail = `The generation was canceled after ${event.evaluations} evaluations`;
  throw new ProblemError(createProblem("conflict", detail));
}
