/** One line on how the run goes and what it cost. Screen readers get it less often. */
import type { GenerationEventOf } from "../../contract/events/generation_event.ts";
import type { Activity } from "../../contract/events/progress.ts";
import { type GenerationView, isRunning, remainingMs } from "../state/generation_view.ts";
import { useElapsed } from "../state/use_elapsed.ts";
import { formatShare } from "./timeline.tsx";

interface OutcomeProps {
  readonly view: GenerationView;
  /** Writes the drawn seed into the form; null when it is there already. */
  readonly onKeepSeed: ((seed: number) => void) | null;
}

export function Outcome({ view, onKeepSeed }: OutcomeProps) {
  const { completed, plan } = view;
  const elapsedMs = useElapsed(isRunning(view));
  return (
    <div class="outcome">
      <p class="status">
        {isCached(view) ? <span class="badge">from cache</span> : null}
        <span>{statusLine(view)}</span>
        {isRunning(view) ? <span class="pace">{paceLine(view, elapsedMs)}</span> : null}
      </p>
      <p class="actions">
        {plan !== null && onKeepSeed !== null
          ? (
            <button type="button" class="link" onClick={() => onKeepSeed(plan.seed)}>
              keep seed {plan.seed}
            </button>
          )
          : null}
        {completed && plan
          ? (
            <a
              href={`/v1/images/${completed.id}.${plan.output_format}`}
              download={fileName(plan.prompt, plan.seed, plan.output_format)}
            >
              Download {plan.output_format.toUpperCase()}
            </a>
          )
          : null}
      </p>
      <p class="visually-hidden" aria-live="polite">{announcement(view)}</p>
    </div>
  );
}

/** Whether the run was, or is being, answered from the store. */
function isCached({ completed, replayed, status }: GenerationView): boolean {
  return completed?.cached === true || (replayed && status !== "failed");
}

export function statusLine(view: GenerationView): string {
  const { status, plan, stepsDone, evaluationsSpent, completed, progress } = view;
  switch (status) {
    case "idle":
      return "Enter runs, Escape cancels";
    case "submitted":
      return "Asking…";
    case "running":
      return stepsDone === 0 && progress !== null
        ? DOING[progress.activity]
        : `Step ${stepsDone} of ${
          plan?.num_inference_steps ?? "…"
        } · ${evaluationsSpent} evaluations`;
    case "canceled":
      if (view.replayed) return `Stopped after step ${stepsDone}`;
      return `Canceled after ${evaluationsSpent} evaluations`;
    case "failed":
      return "Not finished";
    case "completed":
      return completed === null ? "" : costLine(view, completed.evaluations, completed.timings);
  }
}

const DOING: Readonly<Record<Activity, string>> = {
  queued: "Waiting for other runs…",
  loading: "Loading the model…",
  encoding: "Reading the prompt…",
  denoising: "Computing the first step…",
  decoding: "Making the image…",
};

/** A run that is over sooner needs no clock. */
const PACE_FROM_MS = 3_000;

/** How long a slow run has taken, and how long it will take from here. */
export function paceLine(view: GenerationView, elapsedMs: number): string {
  if (elapsedMs < PACE_FROM_MS) return "";
  const left = remainingMs(view, elapsedMs);
  const rest = view.progress?.activity === "decoding"
    ? "making the image"
    : left === null
    ? null
    : `about ${formatDuration(left)} left`;
  return [formatDuration(elapsedMs), rest].filter((part) => part !== null).join(", ");
}

/** Whole seconds below a minute and a half, then whole minutes. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 90 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`;
}

type Completed = GenerationEventOf<"generation.completed">;

function costLine(
  { elapsedMs, completed, replayed }: GenerationView,
  { spent, shared, full, saved }: Completed["evaluations"],
  { total_ms }: Completed["timings"],
): string {
  const evaluated = spent + shared;
  const cost = `${evaluated} evaluations` +
    (shared > 0 ? `, ${shared} of them shared` : "") +
    (saved > 0 ? `, ${full - evaluated} saved (${formatShare(saved)})` : "");
  // A replay takes as long as the run took.
  if (replayed || !completed?.cached) return `${formatSeconds(total_ms)} · ${cost}`;
  const seconds = formatSeconds(elapsedMs ?? 0);
  return `${seconds} instead of ${formatSeconds(total_ms)}, without an evaluation`;
}

/** Two significant digits: 0.034 s, 1.2 s, 12 s. */
export function formatSeconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(2))}\u00a0s`;
}

const ANNOUNCE_EVERY = 10;

/** The text changes every ten steps, so that a screen reader keeps up. */
function announcement(view: GenerationView): string {
  if (view.status === "idle") return "";
  if (view.status !== "running") {
    return `${isCached(view) ? "From cache. " : ""}${statusLine(view)}`;
  }
  const rounded = view.stepsDone - view.stepsDone % ANNOUNCE_EVERY;
  return rounded === 0 ? "Running" : `Step ${rounded} of ${view.plan?.num_inference_steps ?? ""}`;
}

/** `a-blue-bird-7.png` */
export function fileName(prompt: string, seed: number, format: string): string {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["image"];
  return `${words.join("-").slice(0, 60)}-${seed}.${format}`;
}
