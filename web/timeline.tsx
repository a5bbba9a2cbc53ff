/** The run as a strip of steps: which are guided, where [EOS] is swapped, how far the run has come. */
import type { Tail } from "../contract/cutoff.ts";
import type { Phase } from "../contract/phase.ts";
import type { Plan } from "../contract/plan.ts";
import { FieldError } from "./field.tsx";
import type { RequestDraft } from "./request_draft.ts";

interface TimelineProps {
  readonly draft: RequestDraft;
  /** Of the draft; null while unknown. */
  readonly steps: number | null;
  readonly plan: Plan | null;
  /** Steps of the shown run that are done; null when none is shown. */
  readonly stepsDone: number | null;
  readonly locked: boolean;
  /** The draft has no plan; the one shown is older. */
  readonly outdated: boolean;
  readonly error: string | null;
  readonly swapError: string | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

export function Timeline(props: TimelineProps) {
  const { draft, plan, locked, error, swapError, onChange } = props;
  const steps = props.steps ?? plan?.num_inference_steps ?? 1;
  const guided = Math.round(draft.guided_fraction * steps);
  return (
    <section class={props.outdated ? "timeline outdated" : "timeline"} aria-label="Plan of the run">
      <Evaluations plan={plan} guided={guided} steps={steps} />
      <div class="strip">
        <Cells plan={plan} steps={steps} stepsDone={props.stepsDone} />
        <input
          type="range"
          class="cutoff"
          id="cutoff"
          min={0}
          max={steps}
          value={guided}
          disabled={locked}
          aria-label="Guided steps"
          aria-valuetext={`${guided} of ${steps} steps guided`}
          aria-describedby="cutoff-error"
          style={{ "--place": guided / steps }}
          onInput={(event) =>
            onChange({ guided_fraction: Number(event.currentTarget.value) / steps })}
        />
      </div>
      {draft.swap_prompt === ""
        ? null
        : <SwapWindow draft={draft} steps={steps} locked={locked} onChange={onChange} />}
      <p class="axis" aria-hidden="true">
        <span>shape first</span>
        <span>then details</span>
      </p>
      <TailChoice tail={draft.tail} disabled={locked || guided === steps} onChange={onChange} />
      <FieldError id="cutoff-error" error={error} />
      <FieldError id="swap-window-error" error={swapError} />
    </section>
  );
}

interface EvaluationsProps {
  readonly plan: Plan | null;
  readonly guided: number;
  readonly steps: number;
}

function Evaluations({ plan, guided, steps }: EvaluationsProps) {
  const { planned, full, saved } = plan?.evaluations ?? { planned: null, full: null, saved: 0 };
  return (
    <div class="evaluations">
      <p>
        Text guides <strong>{guided}</strong> of {steps} steps
      </p>
      <p class="count">
        <strong>{planned ?? "–"}</strong> of {full ?? "–"} evaluations
        <span class={saved > 0 ? "saved" : "saved none"}>{formatShare(saved)} saved</span>
      </p>
    </div>
  );
}

export function formatShare(share: number): string {
  return `${Number((share * 100).toFixed(1))}\u00a0%`;
}

interface CellsProps {
  readonly plan: Plan | null;
  readonly steps: number;
  readonly stepsDone: number | null;
}

function Cells({ plan, steps, stepsDone }: CellsProps) {
  const count = plan?.num_inference_steps ?? steps;
  const phases = plan?.phases ?? [];
  const progress = stepsDone === null ? {} : {
    role: "progressbar" as const,
    "aria-label": "Steps done",
    "aria-valuemin": 0,
    "aria-valuemax": count,
    "aria-valuenow": stepsDone,
  };
  return (
    <div class={`cells${stepsDone === null ? "" : " running"}`} {...progress}>
      {Array.from(
        { length: count },
        (_, step) => <span key={step} class={cellClass(phases, step, stepsDone)} />,
      )}
    </div>
  );
}

function cellClass(phases: readonly Phase[], step: number, stepsDone: number | null): string {
  const phase = phases.find(({ from, to }) => step >= from && step < to);
  const done = stepsDone !== null && step < stepsDone ? "done" : "";
  return `cell ${phase?.conditioning ?? "unplanned"} ${
    phase?.eos_swapped ? "swapped" : ""
  } ${done}`;
}

interface SwapWindowProps {
  readonly draft: RequestDraft;
  readonly steps: number;
  readonly locked: boolean;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

function SwapWindow({ draft, steps, locked, onChange }: SwapWindowProps) {
  const { swap_from, swap_to } = draft;
  const [from, to] = [Math.round(swap_from * steps), Math.round(swap_to * steps)];
  const place = (value: number) => value / steps;
  const handle = { type: "range", min: 0, max: steps, disabled: locked } as const;
  return (
    <div class="swap-window">
      <div class="strip">
        <div class="band" style={{ "--from": place(from), "--to": place(to) }} />
        <input
          {...handle}
          value={from}
          style={{ "--place": place(from) }}
          aria-label="[EOS] swap from step"
          aria-describedby="swap-window-error"
          onInput={(event) =>
            onChange({ swap_from: Math.min(place(Number(event.currentTarget.value)), swap_to) })}
        />
        <input
          {...handle}
          value={to}
          style={{ "--place": place(to) }}
          aria-label="[EOS] swap to step"
          aria-describedby="swap-window-error"
          onInput={(event) =>
            onChange({ swap_to: Math.max(place(Number(event.currentTarget.value)), swap_from) })}
        />
      </div>
      <p>
        [EOS] of the second prompt in steps <strong>{from}</strong> to <strong>{to}</strong>
      </p>
    </div>
  );
}

interface TailChoiceProps {
  readonly tail: Tail;
  readonly disabled: boolean;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

const TAILS = [
  { value: "null", label: "no text" },
  { value: "cond", label: "the prompt, unguided" },
] as const;

function TailChoice({ tail, disabled, onChange }: TailChoiceProps) {
  return (
    <fieldset class="tail" disabled={disabled}>
      <legend>After the cutoff</legend>
      {TAILS.map(({ value, label }) => (
        <label key={value} class={value}>
          <input
            type="radio"
            name="tail"
            value={value}
            checked={tail === value}
            onChange={() => onChange({ tail: value })}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
