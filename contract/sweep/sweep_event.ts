/**
 * What a sweep says while it runs: one log for all branches, ending with exactly one terminal
 * event.
 */
import * as v from "valibot";
import { type GenerationEvent, parseGenerationEvent } from "../events/generation_event.ts";
import { planSchema } from "../plan/plan.ts";
import { accept, parseAs, type Parsed, problemSchema } from "../problem.ts";
import { count } from "../wire_schema.ts";
import { branchOutcomeObject, sweepOutcomeObject } from "./sweep_outcome.ts";
import { sweepPlannedEvaluations } from "./sweep_evaluations.ts";
import { SWEEP_AXES } from "./sweep_axis.ts";

const { label, same_as } = branchOutcomeObject.entries;
const outcome = sweepOutcomeObject.entries;

const sweepEvent = v.variant("type", [
  v.object({
    type: v.literal("sweep.planned"),
    id: v.string(),
    axis: v.picklist(SWEEP_AXES),
    branches: v.pipe(v.array(v.object({ label, same_as, plan: planSchema })), v.readonly()),
    evaluations: sweepPlannedEvaluations,
  }),
  /** An event of one branch's generation. */
  v.object({ type: v.literal("sweep.event"), branch: count, event: v.unknown() }),
  v.object({
    type: v.literal("sweep.sheet"),
    url: v.string(),
    width: count,
    height: count,
    /** The sheet as SVG, images inside; null where it is too large for an event. */
    svg: v.nullable(v.string()),
  }),
  v.object({
    type: v.literal("sweep.completed"),
    ...outcome,
    /** Whether a stored sweep answered. */
    cached: v.boolean(),
  }),
  v.object({ type: v.literal("sweep.failed"), ...outcome, error: problemSchema }),
  v.object({ type: v.literal("sweep.canceled"), ...outcome }),
]);

/** Exported for the OpenAPI document. */
export { sweepEvent as sweepEventSchema };

type Untyped = v.InferOutput<typeof sweepEvent>;
type Branched = { readonly type: "sweep.event"; readonly branch: number; event: GenerationEvent };

export type SweepEvent = Exclude<Untyped, { type: "sweep.event" }> | Branched;
export type SweepEventType = SweepEvent["type"];
export type SweepEventOf<T extends SweepEventType> = Extract<SweepEvent, { type: T }>;
export type SweepTerminalEvent = SweepEventOf<
  "sweep.completed" | "sweep.failed" | "sweep.canceled"
>;

/** Checks an event that came from another program. */
export function parseSweepEvent(input: unknown): Parsed<SweepEvent> {
  const sweep = parseAs(sweepEvent, input, "Event");
  if (!sweep.ok) return sweep;
  if (sweep.value.type !== "sweep.event") return accept(sweep.value);
  const event = parseGenerationEvent(sweep.value.event);
  return event.ok ? accept({ ...sweep.value, event: event.value }) : event;
}

export function isSweepTerminal(event: SweepEvent): event is SweepTerminalEvent {
  return event.type === "sweep.completed" || event.type === "sweep.failed" ||
    event.type === "sweep.canceled";
}
