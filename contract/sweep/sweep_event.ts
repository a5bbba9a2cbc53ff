/** What a sweep says while it runs: one log for all branches, ending with exactly one terminal event. */
import * as v from "valibot";
import { type GenerationEvent, parseGenerationEvent } from "../events/generation_event.ts";
import type { Plan } from "../plan/plan.ts";
import { accept, createProblem, type Parsed, type Problem, refuse } from "../problem.ts";
import { SWEEP_AXES } from "./sweep_request.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const problem = v.pipe(
  v.looseObject({ code: v.string(), detail: v.string(), status: v.number() }),
  v.transform((problem) => problem as unknown as Problem),
);
const spentEvaluations = v.object({
  planned: count,
  spent: count,
  shared: count,
  full: count,
  saved: v.number(),
});
/** The one branch that is the same generation and comes before; it alone has events and costs. */
const same_as = v.nullable(count);

const outcome = {
  id: v.string(),
  branches: v.pipe(
    v.array(v.object({
      label: v.string(),
      same_as,
      id: v.string(),
      status: v.picklist(["succeeded", "failed", "canceled"]),
      cached: v.boolean(),
      evaluations: spentEvaluations,
      failure: v.nullable(problem),
    })),
    v.readonly(),
  ),
  /** In sum over the branches. */
  evaluations: spentEvaluations,
};

const sweepEvent = v.variant("type", [
  v.object({
    type: v.literal("sweep.planned"),
    id: v.string(),
    axis: v.picklist(SWEEP_AXES),
    branches: v.pipe(
      v.array(v.object({
        label: v.string(),
        same_as,
        plan: v.pipe(
          v.looseObject({ id: v.string() }),
          v.transform((plan) => plan as unknown as Plan),
        ),
      })),
      v.readonly(),
    ),
    evaluations: v.object({ planned: count, together: count, full: count, saved: v.number() }),
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
    /** Whether the stored sweep answered. */
    cached: v.boolean(),
  }),
  v.object({ type: v.literal("sweep.failed"), ...outcome, error: problem }),
  v.object({ type: v.literal("sweep.canceled"), ...outcome }),
]);

/** For documents of the API. */
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
  const result = v.safeParse(sweepEvent, input);
  if (!result.success) {
    const [first] = result.issues;
    const detail = `Event is not valid: ${v.getDotPath(first) ?? "event"}: ${first.message}`;
    return refuse(createProblem("upstream_failed", detail));
  }
  if (result.output.type !== "sweep.event") return accept(result.output);
  const event = parseGenerationEvent(result.output.event);
  return event.ok ? accept({ ...result.output, event: event.value }) : event;
}

export function isSweepTerminal(event: SweepEvent): event is SweepTerminalEvent {
  return event.type === "sweep.completed" || event.type === "sweep.failed" ||
    event.type === "sweep.canceled";
}
