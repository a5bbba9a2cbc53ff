/**
 * The run as a strip of steps: which are guided, where [EOS] is swapped, how far the run has come.
 */
import type { Phase } from "../../contract/plan/phase.ts";
import type { Plan } from "../../contract/plan/plan.ts";
import { FieldError } from "./field.tsx";
import { guidedInterval, type RequestDraft } from "../state/request_draft.ts";

interface TimelineProps {
  readonly draft: RequestDraft;
  /** The draft's steps; null while unknown. */
  readonly steps: number | null;
  readonly plan: Plan | null;
  /** Steps of the shown run that are done; null when none is shown. */
  readonly stepsDone: number | null;
  readonly locked: boolean;
  /** Whether the shown plan is older than the draft. */
  readonly outdated: boolean;
  readonly error: string | null;
  readonly swapError: string | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

export function Timeline(props: TimelineProps) {
  const { draft, plan, locked, error, swapError, onChange } = props;
  const steps = props.steps ?? plan?.num_inference_steps ?? 1;
  const { from, to } = guidedInterval(draft, steps);
  const guided = `${to - from} of ${steps} steps guided`;
  const guidance = { steps, locked, errorId: "cutoff-error" };
  return (
    <section class={props.outdated ? "timeline outdated" : "timeline"} aria-label="Plan of the run">
      <Evaluations
        plan={plan}
        from={from}
        guided={to - from}
        steps={steps}
        decision={draft.decision}
      />
      <div class="strip">
        <Cells plan={plan} steps={steps} stepsDone={props.stepsDone} />
        <StepHandle
          {...guidance}
          at={to}
          label="Guidance to step"
          text={`to step ${to}, ${guided}`}
          onMove={(part) =>
            onChange({ guided_to: Math.max(part, draft.guided_from) })}
        />
        <StepHandle
          {...guidance}
          side="start"
          at={from}
          label="Guidance from step"
          text={`from step ${from}, ${guided}`}
          onMove={(part) =>
            onChange({ guided_from: Math.min(part, draft.guided_to) })}
        />
      </div>
      {draft.swap_prompt === ""
        ? null
        : <SwapWindow draft={draft} steps={steps} locked={locked} onChange={onChange} />}
      <p class="axis" aria-hidden="true">
        <span>shape first</span>
        <span>then details</span>
      </p>
      <Choices draft={draft} interval={{ from, to }} steps={steps} {...{ locked, onChange }} />
      <FieldError id="cutoff-error" error={error} />
      <FieldError id="swap-window-error" error={swapError} />
    </section>
  );
}

interface ChoicesProps {
  readonly draft: RequestDraft;
  readonly interval: { readonly from: number; readonly to: number };
  readonly steps: number;
  readonly locked: boolean;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

/** Chooses what ends guidance, and what conditions the steps before and after it. */
function Choices({ draft, interval: { from, to }, steps, locked, onChange }: ChoicesProps) {
  return (
    <>
      <ConditioningChoice
        name="decision"
        legend="Guidance ends"
        options={DECISION_LABELS}
        chosen={draft.decision}
        disabled={locked}
        onChange={(decision) => onChange({ decision })}
      />
      {from === 0 ? null : (
        <ConditioningChoice
          name="head"
          legend="Before guidance"
          options={HEAD_LABELS}
          chosen={draft.head}
          disabled={locked}
          onChange={(head) => onChange({ head })}
        />
      )}
      <ConditioningChoice
        name="tail"
        legend="After the cutoff"
        options={TAIL_LABELS}
        chosen={draft.tail}
        disabled={locked || (to === steps && draft.decision === "fixed")}
        onChange={(tail) => onChange({ tail })}
      />
    </>
  );
}

interface StepHandleProps {
  /** The handle's place, in steps. */
  readonly at: number;
  readonly steps: number;
  readonly locked: boolean;
  readonly label: string;
  /** Screen readers read it in place of the number. */
  readonly text?: string;
  /** Set where the handle starts what another one ends. */
  readonly side?: "start";
  readonly errorId: string;
  /** @param part share of the run, 0 to 1, so that it holds for another number of steps too */
  readonly onMove: (part: number) => void;
}

function StepHandle(
  { at, steps, locked, label, text, side, errorId, onMove }: StepHandleProps,
) {
  return (
    <input
      type="range"
      class={side}
      min={0}
      max={steps}
      value={at}
      disabled={locked}
      aria-label={label}
      aria-valuetext={text}
      aria-describedby={errorId}
      onInput={({ currentTarget }) => onMove(Number(currentTarget.value) / steps)}
    />
  );
}

interface EvaluationsProps {
  readonly plan: Plan | null;
  readonly from: number;
  readonly guided: number;
  readonly steps: number;
  readonly decision: RequestDraft["decision"];
}

function Evaluations({ plan, from, guided, steps, decision }: EvaluationsProps) {
  const { planned, full, saved } = plan?.evaluations ?? { planned: null, full: null, saved: 0 };
  const most = decision === "auto" ? "at most " : "";
  return (
    <div class="evaluations">
      <p>
        Text guides {most}
        <strong>{guided}</strong> of {steps} steps{from > 0 ? `, from step ${from}` : ""}
      </p>
      <p class="count">
        {most}
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
  const handle = { steps, locked, errorId: "swap-window-error" };
  return (
    <div class="swap-window">
      <div class="strip">
        <div class="band" style={{ "--from": from / steps, "--to": to / steps }} />
        <StepHandle
          {...handle}
          at={from}
          label="[EOS] swap from step"
          onMove={(part) => onChange({ swap_from: Math.min(part, swap_to) })}
        />
        <StepHandle
          {...handle}
          at={to}
          label="[EOS] swap to step"
          onMove={(part) => onChange({ swap_to: Math.max(part, swap_from) })}
        />
      </div>
      <p>
        [EOS] of the second prompt in steps <strong>{from}</strong> to <strong>{to}</strong>
      </p>
    </div>
  );
}

interface ConditioningChoiceProps<T extends string> {
  readonly name: string;
  readonly legend: string;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly chosen: T;
  readonly disabled: boolean;
  readonly onChange: (value: T) => void;
}

const DECISION_LABELS = [
  { value: "fixed", label: "at the mark" },
  { value: "auto", label: "when the text stops mattering" },
] as const;
const HEAD_LABELS = [
  { value: "null", label: "no text" },
  { value: "cond", label: "prompt alone" },
] as const;
const TAIL_LABELS = [
  ...HEAD_LABELS,
  { value: "delta", label: "guidance kept" },
] as const;

function ConditioningChoice<T extends string>(
  { name, legend, options, chosen, disabled, onChange }: ConditioningChoiceProps<T>,
) {
  return (
    <fieldset class="conditioning" disabled={disabled}>
      {/* In WebKit a legend cannot be an item of a row. */}
      <legend class="visually-hidden">{legend}</legend>
      <span class="legend" aria-hidden="true">{legend}</span>
      {options.map(({ value, label }) => (
        <label key={value} class={value}>
          <input
            type="radio"
            name={name}
            value={value}
            checked={chosen === value}
            aria-describedby="cutoff-error"
            onChange={() => onChange(value)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
