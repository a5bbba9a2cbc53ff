/** The prompt, and the button that draws it. */
import type { Plan } from "../../contract/plan/plan.ts";
import type { Problem } from "../../contract/problem.ts";
import { FieldError, fieldError, TextField, wholeFieldError } from "./field.tsx";
import type { RequestDraft } from "../state/request_draft.ts";
import { TokenChips } from "./insights/token_chips.tsx";
import { waitLabel } from "../state/use_wait.ts";

interface AskProps {
  readonly draft: RequestDraft;
  readonly plan: Plan | null;
  readonly problem: Problem | null;
  readonly running: boolean;
  /** Seconds until the service may be asked again. */
  readonly wait: number;
  readonly onChange: (change: Partial<RequestDraft>) => void;
  readonly onCancel: () => void;
}

export function Ask({ draft, plan, problem, running, wait, onChange, onCancel }: AskProps) {
  return (
    <section class="ask" aria-label="Prompt">
      <Prompt
        value={draft.prompt}
        error={fieldError(problem, "prompt")}
        onChange={(prompt) => onChange({ prompt })}
      />
      <TextField
        name="swap_prompt"
        label="Second prompt"
        value={draft.swap_prompt}
        placeholder="none"
        hint="Its end of text, [EOS], replaces the first’s, and the shape follows. Try “a brown chair”."
        error={fieldError(problem, "eos_swap.prompt") ?? wholeFieldError(problem, "eos_swap")}
        onChange={(swap_prompt) => onChange({ swap_prompt })}
      />
      <TokenChips plan={draft.prompt.trim() === "" ? null : plan} />
      <div class="run-row">
        {/* One button has two roles, so that the focus stays. */}
        <button
          type={running ? "button" : "submit"}
          class={running ? "run cancel" : "run"}
          // A disabled button would lose the focus.
          aria-disabled={!running && wait > 0}
          onClick={running ? onCancel : undefined}
        >
          {running ? "Cancel" : runLabel(problem, wait)}
        </button>
      </div>
      <FieldError id="general-error" error={generalError(problem)} />
    </section>
  );
}

/** After a retryable refusal it is `Try again in 7 s`, then `Try again`. */
export function runLabel(problem: Problem | null, wait: number): string {
  if (wait > 0) return waitLabel(wait);
  return problem?.retry_after === undefined ? "Run" : "Try again";
}

function Prompt(props: { value: string; error: string | null; onChange: (value: string) => void }) {
  const { value, error, onChange } = props;
  return (
    <div class="field field-prompt">
      <label for="prompt">Prompt</label>
      <textarea
        id="prompt"
        name="prompt"
        rows={2}
        value={value}
        autocomplete="off"
        enterkeyhint="go"
        aria-invalid={error !== null}
        aria-describedby="prompt-error"
        // A prompt is one line, so pasted text loses its line breaks.
        onInput={(event) => onChange(event.currentTarget.value.replace(/[\r\n\t]+/g, " "))}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      <FieldError id="prompt-error" error={error} />
    </div>
  );
}

/** Fields that have a place on the page show their own errors. */
const PLACED = new Set([
  "prompt",
  "negative_prompt",
  "seed",
  "width",
  "height",
  "num_inference_steps",
  "guidance_scale",
  "sampler",
  "model",
  "cutoff",
  "eos_swap",
  "token_states",
  "semantic_repeats",
]);

/** The error that no field shows. */
export function generalError(problem: Problem | null): string | null {
  if (problem === null) return null;
  const errors = problem.errors ?? [];
  const homeless = errors.filter(({ field }) => !PLACED.has(field.split(".")[0] ?? ""));
  if (errors.length > 0 && homeless.length === 0) return null;
  const sentence = homeless.map(({ message }) => message).join("; ") || problem.detail;
  // Where the service gave a time, the button counts the seconds.
  const hasNoTime = problem.retryable && problem.retry_after === undefined;
  return hasNoTime ? `${sentence}. Try again in a moment.` : sentence;
}
