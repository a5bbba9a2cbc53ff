/**
 * The life of a job. Its transitions are the generation events themselves, so a log that was accepted
 * here has exactly one terminal event, at its end. Pure.
 */
import type {
  GenerationEvent,
  GenerationEventType,
  Prediction,
  PredictionStatus,
  Problem,
} from "../../contract/mod.ts";

/** `drawn`: the image is out, only the closing account is missing. */
export type JobPhase =
  | "new"
  | "queued"
  | "planned"
  | "running"
  | "drawn"
  | "succeeded"
  | "failed"
  | "canceled";

export interface JobState {
  readonly phase: JobPhase;
  readonly createdAtMs: number;
  readonly completedAtMs: number | null;
  /** U-Net rows spent so far. */
  readonly evaluations: number;
  /** Inside the engine, from the first row to the last pixel; null unless succeeded. */
  readonly predictTimeMs: number | null;
  readonly problem: Problem | null;
}

const ENDS_EARLY = {
  "generation.failed": "failed",
  "generation.canceled": "canceled",
} as const;

/** Which event may come in which phase, and where it leads. What is not here is a broken engine. */
const TRANSITIONS: Readonly<Record<JobPhase, Partial<Record<GenerationEventType, JobPhase>>>> = {
  new: { "generation.queued": "queued" },
  queued: { "generation.planned": "planned", ...ENDS_EARLY },
  // Without any guided step the cutoff comes before the first step.
  planned: { "generation.step": "running", "generation.cutoff": "running", ...ENDS_EARLY },
  running: {
    "generation.step": "running",
    "generation.preview": "running",
    "generation.attention": "running",
    "generation.attention_summary": "running",
    "generation.frequency": "running",
    "generation.frequency_summary": "running",
    "generation.guidance": "running",
    "generation.cutoff": "running",
    "generation.image": "drawn",
    ...ENDS_EARLY,
  },
  drawn: { "generation.completed": "succeeded", ...ENDS_EARLY },
  succeeded: {},
  failed: {},
  canceled: {},
};

const STATUSES: Readonly<Record<JobPhase, PredictionStatus>> = {
  new: "starting",
  queued: "starting",
  planned: "starting",
  running: "processing",
  drawn: "processing",
  succeeded: "succeeded",
  failed: "failed",
  canceled: "canceled",
};

export function createJobState(nowMs: number): JobState {
  return {
    phase: "new",
    createdAtMs: nowMs,
    completedAtMs: null,
    evaluations: 0,
    predictTimeMs: null,
    problem: null,
  };
}

/** The state after an event. @throws RangeError when the event cannot come in this phase */
export function advanceJob(state: JobState, event: GenerationEvent, nowMs: number): JobState {
  const phase = TRANSITIONS[state.phase][event.type];
  if (!phase) throw new RangeError(`${event.type} cannot come while a job is ${state.phase}`);
  const next = { ...state, phase };
  switch (event.type) {
    case "generation.step":
      return { ...next, evaluations: event.evaluations };
    case "generation.completed":
      return {
        ...next,
        completedAtMs: nowMs,
        evaluations: event.evaluations.spent,
        predictTimeMs: event.timings.total_ms,
      };
    case "generation.failed":
      return { ...next, completedAtMs: nowMs, problem: event.error };
    case "generation.canceled":
      return { ...next, completedAtMs: nowMs };
    default:
      return next;
  }
}

export type JobOutcome = "succeeded" | "failed" | "canceled";

/** How the job ended; null while it has not. */
export function outcomeOf({ phase }: JobState): JobOutcome | null {
  return phase === "succeeded" || phase === "failed" || phase === "canceled" ? phase : null;
}

export type PredictionSummary = Omit<Prediction, "output">;

/** A job in Cog's words. Times are ISO 8601, `predict_time` in seconds. */
export function summarizeJob(id: string, state: JobState): PredictionSummary {
  const { phase, createdAtMs, completedAtMs, predictTimeMs, problem } = state;
  return {
    id,
    status: STATUSES[phase],
    error: problem?.detail ?? null,
    metrics: predictTimeMs === null ? {} : { predict_time: predictTimeMs / 1_000 },
    created_at: new Date(createdAtMs).toISOString(),
    completed_at: completedAtMs === null ? null : new Date(completedAtMs).toISOString(),
  };
}
