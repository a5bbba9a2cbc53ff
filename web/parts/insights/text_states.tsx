/** The paper's controls on the prompt's text states: what is swapped, replaced and repeated. */
import type { Problem } from "../../../contract/problem.ts";
import { fieldError, SelectField, TextField } from "../field.tsx";
import { CHOICES, type RequestDraft } from "../../state/request_draft.ts";

interface TextStatesProps {
  readonly draft: RequestDraft;
  readonly problem: Problem | null;
  readonly onChange: (change: Partial<RequestDraft>) => void;
}

export function TextStates({ draft, problem, onChange }: TextStatesProps) {
  const choice = <Name extends keyof typeof LABELS>(name: Name, label: string, field: string) => ({
    name,
    label,
    value: draft[name],
    options: CHOICES[name].map((value) => ({ value, label: labelOf(name, value) })),
    error: fieldError(problem, field),
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <fieldset class="text-states">
      <legend>Text states</legend>
      {draft.swap_prompt === "" ? null : (
        <div class="numbers pair">
          <SelectField {...choice("swap_scope", "[EOS] swapped", "eos_swap.scope")} />
          <SelectField {...choice("swap_align", "Lined up by", "eos_swap.align")} />
        </div>
      )}
      <div class="numbers">
        <SelectField {...choice("sos_state", "[SOS]", "token_states.sos")} />
        <SelectField {...choice("semantic_state", "Words", "token_states.semantic")} />
        <SelectField {...choice("eos_state", "[EOS]", "token_states.eos")} />
      </div>
      <p class="hint">What conditions in place of each; padding goes with [EOS].</p>
      <TextField
        name="semantic_repeats"
        label="Words repeated"
        numeric="numeric"
        value={draft.semantic_repeats}
        placeholder="once"
        hint="Said again as often as they fit, so that fewer [EOS] remain."
        error={fieldError(problem, "semantic_repeats")}
        onChange={(semantic_repeats) => onChange({ semantic_repeats })}
      />
    </fieldset>
  );
}

const STATES = {
  own: "own",
  zeros: "zeros",
  noise: "noise",
  sos: "[SOS]",
  eos: "[EOS]",
};

const LABELS = {
  swap_scope: { all: "with padding", first: "first alone", padding: "padding alone" },
  swap_align: { ordinal: "order", absolute: "position" },
  sos_state: STATES,
  semantic_state: STATES,
  eos_state: STATES,
};

function labelOf(name: keyof typeof LABELS, value: string): string {
  const labels: Readonly<Record<string, string>> = LABELS[name];
  return labels[value] ?? value;
}
