/** One line on how the run goes and what it cost. Screen readers get it less often. */
import type { GenerationEventOf } from "../../contract/events/generation_event.ts";
import type { GenerationView } from "../state/generation_view.ts";
import { formatShare } from "./timeline.tsx";

interface OutcomeProps {
  readonly view: GenerationView;
  /** Writes the drawn seed into the form; null when it is there already. */
  readonly onKeepSeed: ((seed: number) => void) | null;
}

export function Outcome({ view, onKeepSeed }: OutcomeProps) {
  const { completed, plan } = view;
  return (
    <div class="outcome">
      <p class="status">
        {isCached(view) ? <span class="badge">from cache</span> : null}
        <span>{statusLine(view)}</span>
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
  const { status, plan, stepsDone, evaluationsSpent, completed } = view;
  switch (status) {
    case "idle":
      return "Enter runs, Escape cancels";
    case "submitted":
      return "Asking…";
    case "running":
      return `Step ${stepsDone} of ${
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
