/** A generation as JSON: one shape whether it runs, is stored or has failed. */
import {
  type GenerationEvent,
  type GenerationEventOf,
  isTerminal,
  type Plan,
  type Problem,
} from "../../contract/mod.ts";
import { base64Size } from "./base64_size.ts";

export interface GenerationResource {
  readonly id: string;
  readonly status: "running" | "succeeded" | "failed" | "canceled";
  readonly plan: Plan;
  readonly seed: number;
  /** U-Net rows; `spent` counts up while it runs. */
  readonly evaluations: GenerationEventOf<"generation.completed">["evaluations"];
  readonly timings: GenerationEventOf<"generation.completed">["timings"] | null;
  readonly determinism: GenerationEventOf<"generation.completed">["determinism"] | null;
  /** Whether the stored result answered. */
  readonly cached: boolean;
  readonly image: ImageResource | null;
  /** Why it failed. */
  readonly failure: Problem | null;
  readonly links: { readonly self: string; readonly events: string };
}

export interface ImageResource {
  readonly url: string;
  readonly media_type: string;
  readonly width: number;
  readonly height: number;
  /** Size of the file. */
  readonly bytes: number;
  readonly sha256: string;
  /** What the model's safety checker says; null where nobody was asked. */
  readonly safety: { readonly flagged: boolean } | null;
}

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
    // What was shared is told at the end.
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

/** U-Net rows, as far as the events tell. */
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
