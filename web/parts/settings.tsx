/** The numbers of the request, with the rarer ones behind a disclosure. */
import { useEffect, useState } from "preact/hooks";
import type { ModelManifest } from "../../contract/model_manifest.ts";
import type { Problem } from "../../contract/problem.ts";
import { fieldError, SelectField, TextField } from "./field.tsx";
import type { RequestDraft } from "../state/request_draft.ts";
import { TextStates } from "./insights/text_states.tsx";

interface SettingsProps {
  readonly draft: RequestDraft;
  readonly models: readonly ModelManifest[];
  readonly manifest: ModelManifest | null;
  readonly problem: Problem | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

export function Settings(props: SettingsProps) {
  const { draft, manifest, problem, onChange } = props;
  const defaults = manifest?.defaults;
  return (
    <section class="settings" aria-label="Settings">
      <div class="numbers">
        <TextField
          name="seed"
          label="Seed"
          numeric="numeric"
          value={draft.seed}
          placeholder="drawn"
          error={fieldError(problem, "seed")}
          onChange={(seed) => onChange({ seed })}
        >
          <button
            type="button"
            class="dice"
            aria-label="Draw a new seed at every run"
            title="Draw a new seed at every run"
            onClick={() => onChange({ seed: "" })}
          >
            <Dice />
          </button>
        </TextField>
        <TextField
          name="num_inference_steps"
          label="Steps"
          numeric="numeric"
          value={draft.num_inference_steps}
          placeholder={String(defaults?.num_inference_steps ?? "")}
          error={fieldError(problem, "num_inference_steps")}
          onChange={(num_inference_steps) => onChange({ num_inference_steps })}
        />
        <TextField
          name="guidance_scale"
          label="Guidance"
          numeric="decimal"
          value={draft.guidance_scale}
          placeholder={String(defaults?.guidance_scale ?? "")}
          error={fieldError(problem, "guidance_scale")}
          onChange={(guidance_scale) => onChange({ guidance_scale })}
        />
      </div>
      <Advanced {...props} />
    </section>
  );
}

const HIDDEN_FIELDS = [
  "negative_prompt",
  "width",
  "height",
  "sampler",
  "model",
  "eos_swap.scope",
  "eos_swap.align",
  "token_states",
  "semantic_repeats",
];

function Advanced({ draft, models, manifest, problem, onChange }: SettingsProps) {
  const error = fieldError(problem, ...HIDDEN_FIELDS);
  const [open, setOpen] = useState(false);
  // An error opens the disclosure, since a hidden one would be no help.
  useEffect(() => {
    if (error !== null) setOpen(true);
  }, [error]);
  const size = manifest?.size;
  const text = (name: "negative_prompt" | "width" | "height", label: string) => ({
    name,
    label,
    value: draft[name],
    error: fieldError(problem, name),
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Advanced</summary>
      <div class="advanced">
        <TextField {...text("negative_prompt", "Negative prompt")} placeholder="none" />
        <div class="numbers">
          <TextField
            {...text("width", "Width")}
            numeric="numeric"
            placeholder={String(manifest?.defaults.width ?? "")}
          />
          <TextField
            {...text("height", "Height")}
            numeric="numeric"
            placeholder={String(manifest?.defaults.height ?? "")}
          />
          <SelectField
            name="sampler"
            label="Sampler"
            value={draft.sampler || (manifest?.defaults.sampler ?? "")}
            options={(manifest?.samplers ?? []).map((value) => ({ value, label: value }))}
            error={fieldError(problem, "sampler")}
            onChange={(sampler) => onChange({ sampler })}
          />
        </div>
        {size === undefined ? null : (
          <p class="hint">
            {size.min === size.max
              ? `This model draws ${size.min} × ${size.max} pixels.`
              : `Sides from ${size.min} to ${size.max} pixels, multiples of ${size.multiple_of}.`}
          </p>
        )}
        <SelectField
          name="model"
          label="Model"
          value={manifest?.id ?? ""}
          options={models.map(({ id, name }) => ({ value: id, label: name }))}
          error={fieldError(problem, "model")}
          onChange={(model) => onChange({ model, sampler: "" })}
        />
        <p class="hint">{manifest?.description}</p>
        <TextStates draft={draft} problem={problem} onChange={onChange} />
      </div>
    </details>
  );
}

function Dice() {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <rect x="2.5" y="2.5" width="15" height="15" rx="3.5" fill="none" stroke="currentColor" />
      <g fill="currentColor">
        <circle cx="6.8" cy="6.8" r="1.3" />
        <circle cx="13.2" cy="6.8" r="1.3" />
        <circle cx="10" cy="10" r="1.3" />
        <circle cx="6.8" cy="13.2" r="1.3" />
        <circle cx="13.2" cy="13.2" r="1.3" />
      </g>
    </svg>
  );
}
