/** What a generation says while it runs. Each stream ends with exactly one terminal event. */
import * as v from "valibot";
import { TAILS } from "../request/cutoff.ts";
import { INSIGHT_EVENTS } from "./insight_event.ts";
import { spentEvaluations } from "../plan/phase.ts";
import { spentCompute } from "../plan/planned_reuse.ts";
import { planSchema } from "../plan/plan.ts";
import { parseAs, type Parsed, problemSchema } from "../problem.ts";
import { count } from "../wire_schema.ts";

const bitmap = {
  media_type: v.picklist(["image/png", "image/webp"]),
  width: count,
  height: count,
  /** Base64. */
  data: v.string(),
};

export const completedEvent = v.object({
  type: v.literal("generation.completed"),
  id: v.string(),
  evaluations: v.object({ ...spentEvaluations.entries, shared: v.optional(count, 0) }),
  /** Absent in results of versions that reused nothing: it is `evaluations` then. */
  compute: v.optional(spentCompute),
  /** `bitwise`: the same plan gives the same bytes here; `visual`: only the same picture. */
  determinism: v.picklist(["bitwise", "visual"]),
  timings: v.object({
    /** From the first row to the last pixel, milliseconds. */
    total_ms: v.number(),
    /** The part of it spent inside ONNX sessions, milliseconds. */
    inference_ms: v.number(),
  }),
  /** Whether a stored result answered. */
  cached: v.boolean(),
});

const generationEvent = v.variant("type", [
  v.object({ type: v.literal("generation.queued"), id: v.string() }),
  v.object({ type: v.literal("generation.planned"), plan: planSchema }),
  v.object({
    type: v.literal("generation.step"),
    /** The step just done, 0-based from the noise. */
    step: count,
    num_inference_steps: count,
    /** The model's timestep of that step, 999 .. 0. */
    timestep: v.number(),
    /** Rows of the model spent so far. */
    evaluations: count,
    /** |w (cond - uncond)| / |uncond|; null in a step that does not take the difference. */
    guidance_norm_ratio: v.nullable(v.number()),
    /**
     * |x0(guided) - x0(unconditional)| / |x0(guided)| of the predicted images. Present in the
     * guided steps of an automatic cutoff.
     */
    text_change: v.optional(v.number()),
    /** Present where the step reused deep features. */
    shallow: v.optional(v.literal(true)),
  }),
  v.object({
    type: v.literal("generation.preview"),
    /** The step whose predicted x0 this shows. */
    step: count,
    method: v.picklist(["projection", "vae"]),
    ...bitmap,
  }),
  v.object({
    type: v.literal("generation.cutoff"),
    /** The first step of the tail. */
    step: count,
    tail: v.picklist(TAILS),
    /**
     * Present for an automatic cutoff. `tolerance`: the text ceased to change the image. `bound`:
     * no more guided steps were allowed.
     */
    reason: v.optional(v.picklist(["tolerance", "bound"])),
  }),
  ...INSIGHT_EVENTS,
  v.object({
    type: v.literal("generation.image"),
    ...bitmap,
    /** SHA-256 of the image's bytes, hex. */
    sha256: v.string(),
    /** The safety checker's verdict; null where the model has none, absent where none was asked. */
    safety: v.optional(v.nullable(v.object({ flagged: v.boolean() }))),
  }),
  completedEvent,
  v.object({ type: v.literal("generation.failed"), error: problemSchema }),
  v.object({ type: v.literal("generation.canceled"), evaluations: count }),
]);

/** Exported for the OpenAPI document. */
export { generationEvent as generationEventSchema };

export type GenerationEvent = v.InferOutput<typeof generationEvent>;
export type GenerationEventType = GenerationEvent["type"];
export type GenerationEventOf<T extends GenerationEventType> = Extract<
  GenerationEvent,
  { type: T }
>;

/** Checks an event that came from another program. */
export function parseGenerationEvent(input: unknown): Parsed<GenerationEvent> {
  return parseAs(generationEvent, input, "Event");
}

export type TerminalEvent = GenerationEventOf<
  "generation.completed" | "generation.failed" | "generation.canceled"
>;

export function isTerminal(event: GenerationEvent): event is TerminalEvent {
  return event.type === "generation.completed" || event.type === "generation.failed" ||
    event.type === "generation.canceled";
}
