/** What the page knows of a generation, as one state folded from its events. Pure. */
import type { GenerationNews } from "../../client/api_client.ts";
import type { GenerationEventOf } from "../../contract/events/generation_event.ts";
import { PROGRESS, type Progress } from "../../contract/events/progress.ts";
import { endGuidance } from "../../contract/plan/phase.ts";
import type { Plan } from "../../contract/plan/plan.ts";
import type { Problem } from "../../contract/problem.ts";
import { type InsightView, NO_INSIGHTS, reduceInsight } from "./insight_view.ts";

export interface Picture {
  /** A data URL. */
  readonly source: string;
  readonly media_type: string;
}

export interface Preview extends Picture {
  readonly step: number;
}

export interface GenerationView {
  readonly status: "idle" | "submitted" | "running" | "completed" | "failed" | "canceled";
  readonly id: string | null;
  /** Whether a stored run is watched again. */
  readonly replayed: boolean;
  readonly plan: Plan | null;
  readonly stepsDone: number;
  readonly evaluationsSpent: number;
  readonly previews: readonly Preview[];
  readonly image: Picture | null;
  /** Whether the safety checker flagged the image, and the visitor has not yet asked to see it. */
  readonly veiled: boolean;
  readonly insights: InsightView;
  readonly completed: GenerationEventOf<"generation.completed"> | null;
  /** What the run is doing; null where it goes too fast to say so. */
  readonly progress: TimedProgress | null;
  /** Milliseconds from pressing Run to the last event, as seen here. */
  readonly elapsedMs: number | null;
  readonly problem: Problem | null;
  /** The previous run's picture, until there is a newer one. */
  readonly backdrop: Picture | null;
}

export interface TimedProgress extends Progress {
  /** Milliseconds from pressing Run to its coming, as seen here. */
  readonly atMs: number;
}

export const IDLE: GenerationView = {
  status: "idle",
  id: null,
  replayed: false,
  plan: null,
  stepsDone: 0,
  evaluationsSpent: 0,
  previews: [],
  image: null,
  veiled: false,
  insights: NO_INSIGHTS,
  completed: null,
  progress: null,
  elapsedMs: null,
  problem: null,
  backdrop: null,
};

export type GenerationAction =
  | { readonly type: "submitted" }
  /** A stored run starts to be watched again. */
  | { readonly type: "replayed" }
  /** The visitor stopped watching. */
  | { readonly type: "left" }
  | { readonly type: "unveiled" }
  | { readonly type: "received"; readonly event: GenerationNews; readonly elapsedMs: number }
  /** The request was refused or its stream was lost for good. */
  | { readonly type: "broken"; readonly problem: Problem }
  /** The form changed, so what was wrong with it no longer holds. */
  | { readonly type: "edited" };

export function reduceGeneration(view: GenerationView, action: GenerationAction): GenerationView {
  switch (action.type) {
    case "submitted":
    case "replayed": {
      const backdrop = view.veiled ? null : latestPicture(view);
      return { ...IDLE, status: "submitted", replayed: action.type === "replayed", backdrop };
    }
    case "left":
      return { ...view, status: "canceled" };
    case "unveiled":
      return { ...view, veiled: false };
    case "broken":
      return { ...view, status: "failed", problem: action.problem };
    case "edited":
      return view.problem ? { ...view, problem: null } : view;
    case "received":
      return reduceEvent(view, action.event, action.elapsedMs);
  }
}

function reduceEvent(
  view: GenerationView,
  event: GenerationNews,
  elapsedMs: number,
): GenerationView {
  switch (event.type) {
    case PROGRESS:
      return { ...view, progress: { ...event, atMs: elapsedMs } };
    case "generation.queued":
      return { ...view, status: "running", id: event.id };
    case "generation.planned":
      return { ...view, status: "running", id: event.plan.id, plan: event.plan };
    case "generation.step":
      return { ...view, stepsDone: event.step + 1, evaluationsSpent: event.evaluations };
    case "generation.preview":
      return { ...view, previews: [...view.previews, { ...toPicture(event), step: event.step }] };
    case "generation.cutoff":
      return { ...view, plan: view.plan && decidedPlan(view.plan, event) };
    case "generation.attention":
    case "generation.attention_summary":
    case "generation.frequency":
    case "generation.frequency_summary":
    case "generation.guidance":
      return { ...view, insights: reduceInsight(view.insights, event) };
    case "generation.image":
      return { ...view, image: toPicture(event), veiled: event.safety?.flagged ?? false };
    case "generation.completed":
      return {
        ...view,
        status: "completed",
        id: event.id,
        completed: event,
        stepsDone: view.plan?.num_inference_steps ?? view.stepsDone,
        evaluationsSpent: event.evaluations.spent,
        elapsedMs,
      };
    case "generation.failed":
      return { ...view, status: "failed", problem: event.error, elapsedMs };
    case "generation.canceled":
      return { ...view, status: "canceled", evaluationsSpent: event.evaluations, elapsedMs };
  }
}

/** The plan after the run itself ended guidance. */
function decidedPlan(plan: Plan, { step, tail }: GenerationEventOf<"generation.cutoff">): Plan {
  return { ...plan, phases: endGuidance(plan.phases, step, tail) };
}

function toPicture({ media_type, data }: { media_type: string; data: string }): Picture {
  return { media_type, source: `data:${media_type};base64,${data}` };
}

export function isRunning({ status }: GenerationView): boolean {
  return status === "submitted" || status === "running";
}

/** What the rest of a run will take, in milliseconds; null where nobody knows. */
export function remainingMs({ progress }: GenerationView, elapsedMs: number): number | null {
  if (progress === null || progress.remaining_ms === null) return null;
  return Math.max(0, progress.remaining_ms - (elapsedMs - progress.atMs));
}

/** The newest picture to show; null before the first preview of the first run. */
export function latestPicture(view: GenerationView): Picture | null {
  return view.image ?? view.previews.at(-1) ?? view.backdrop;
}

/** The steps that have or will have a preview, in order. */
export function filmstripSteps({ plan, previews, status }: GenerationView): number[] {
  const arrived = previews.map(({ step }) => step);
  const awaited = status === "running" ? plan?.previews.steps ?? [] : [];
  return [...new Set([...arrived, ...awaited])].sort((a, b) => a - b);
}
