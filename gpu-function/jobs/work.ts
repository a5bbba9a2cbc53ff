/** How far a job has come and how fast it goes, so that whoever waits knows for what. Pure. */
import {
  type Activity,
  endGuidance,
  type GenerationEvent,
  type Phase,
  type Plan,
  PROGRESS,
  type Progress,
  rowsBefore,
} from "../../contract/mod.ts";

/** Times are milliseconds of the service's clock. */
export interface Work {
  readonly activity: Activity;
  readonly acceptedAt: number;
  /** When the first row could begin; null before. */
  readonly denoisingSince: number | null;
  /** When the newest step was done; null before the first. */
  readonly steppedAt: number | null;
  readonly stepsDone: number;
  /** The plan's, until the run itself ends guidance. */
  readonly phases: readonly Phase[];
  /** When the newest event or activity came. */
  readonly movedAt: number;
}

export function createWork({ phases }: Plan, now: number): Work {
  return {
    activity: "queued",
    acceptedAt: now,
    denoisingSince: null,
    steppedAt: null,
    stepsDone: 0,
    phases,
    movedAt: now,
  };
}

export function beginActivity(work: Work, activity: Activity, now: number): Work {
  const denoisingSince = activity === "denoising" ? now : work.denoisingSince;
  return { ...work, activity, denoisingSince, movedAt: now };
}

export function advanceWork(work: Work, event: GenerationEvent, now: number): Work {
  const moved = { ...work, movedAt: now };
  if (event.type === "generation.step") {
    return { ...moved, steppedAt: now, stepsDone: event.step + 1 };
  }
  if (event.type === "generation.cutoff" && event.reason === "tolerance") {
    return { ...moved, phases: endGuidance(work.phases, event.step, event.tail) };
  }
  return moved;
}

/** @param stillMs since anything went on that the job waits for */
export function describeWork(work: Work, plan: Plan, now: number, stillMs: number): Progress {
  const { activity, acceptedAt, denoisingSince, steppedAt, stepsDone, phases } = work;
  const rows_done = rowsBefore(phases, stepsDone, plan);
  const rows_planned = rowsBefore(phases, plan.num_inference_steps, plan);
  const row_ms = denoisingSince === null || steppedAt === null || rows_done === 0
    ? null
    : Math.max(0, steppedAt - denoisingSince) / rows_done;
  const remaining_ms = row_ms === null || activity !== "denoising"
    ? null
    : Math.max(0, row_ms * (rows_planned - rows_done) - (now - (steppedAt ?? now)));
  return {
    type: PROGRESS,
    activity,
    rows_done,
    rows_planned,
    row_ms,
    // The system's clock may be set back.
    elapsed_ms: Math.max(0, now - acceptedAt),
    remaining_ms,
    still_ms: Math.max(0, stillMs),
  };
}
