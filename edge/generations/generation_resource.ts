/** Shows what is known of a generation as its resource. */
import {
  type GenerationEvent,
  type GenerationEventOf,
  type GenerationResource,
  type ImageResource,
  isTerminal,
  type Plan,
} from "../../contract/mod.ts";
import { base64Size } from "./base64_size.ts";

export interface GenerationRecord {
  readonly plan: Plan;
  readonly events: readonly { readonly event: GenerationEvent }[];
  readonly cached: boolean;
  /** Size of the image file where the events come without pixels. */
  readonly imageBytes?: number;
}

export function describeGeneration(record: GenerationRecord): GenerationResource {
  const { plan, cached } = record;
  const events = record.events.map(({ event }) => event);
  const last = events.at(-1);
  const end = last && isTerminal(last) ? last : null;
  const completed = end?.type === "generation.completed" ? end : null;
  const image = events.find((event) => event.type === "generation.image");
  const self = generationPath(plan.id);
  return {
    id: plan.id,
    status: statusAfter(end?.type),
    plan,
    seed: plan.seed,
    // What was shared is known only at the end.
    evaluations: completed?.evaluations ??
      { ...plan.evaluations, spent: spentSoFar(events), shared: 0 },
    timings: completed?.timings ?? null,
    determinism: completed?.determinism ?? null,
    cached,
    image: completed && image ? describeImage(plan, image, record.imageBytes) : null,
    failure: end?.type === "generation.failed" ? end.error : null,
    links: { self, events: `${self}/events` },
  };
}

export function generationPath(id: string): string {
  return `/v1/generations/${id}`;
}

export function imagePath({ id, output_format }: Pick<Plan, "id" | "output_format">): string {
  return `/v1/images/${id}.${output_format}`;
}

function statusAfter(end: GenerationEvent["type"] | undefined): GenerationResource["status"] {
  if (end === "generation.completed") return "succeeded";
  if (end === "generation.failed") return "failed";
  return end === "generation.canceled" ? "canceled" : "running";
}

/** Evaluations so far, as the events report them. */
export function spentSoFar(events: readonly GenerationEvent[]): number {
  const last = events.findLast((event) =>
    event.type === "generation.step" || event.type === "generation.canceled"
  );
  return last?.evaluations ?? 0;
}

function describeImage(
  plan: Plan,
  { media_type, width, height, sha256, safety, data }: GenerationEventOf<"generation.image">,
  bytes = base64Size(data),
): ImageResource {
  return { url: imagePath(plan), media_type, width, height, bytes, sha256, safety: safety ?? null };
}
