/** A labelled input with its hint and what is wrong with it, tied together for screen readers. */
import type { ComponentChildren } from "preact";
import type { Problem } from "../../contract/problem.ts";

/** The sentences of a problem that belong to a field or to something inside it. */
export function fieldError(problem: Problem | null, ...fields: readonly string[]): string | null {
  const messages = (problem?.errors ?? [])
    .filter(({ field }) => fields.some((name) => field === name || field.startsWith(`${name}.`)))
    .map(({ message }) => message);
  return messages.length > 0 ? messages.join("; ") : null;
}

/** The sentences of a problem with a field as a whole, not with something inside it. */
export function wholeFieldError(problem: Problem | null, name: string): string | null {
  const messages = (problem?.errors ?? [])
    .filter(({ field }) => field === name)
    .map(({ message }) => message);
  return messages.length > 0 ? messages.join("; ") : null;
}

export function FieldError({ id, error }: { id: string; error: string | null }) {
  return error === null ? null : <p class="error" id={id} role="alert">{error}</p>;
}

interface TextFieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly hint?: string;
  readonly error: string | null;
  readonly numeric?: "numeric" | "decimal";
  readonly onChange: (value: string) => void;
  readonly children?: ComponentChildren;
}

export function TextField(props: TextFieldProps) {
  const { name, label, value, placeholder, hint, error, numeric, onChange, children } = props;
  return (
    <div class={`field field-${name}`}>
      <label for={name}>{label}</label>
      <div class="field-row">
        <input
          id={name}
          name={name}
          value={value}
          autocomplete="off"
          spellcheck={numeric === undefined}
          inputMode={numeric ?? "text"}
          aria-invalid={error !== null}
          aria-describedby={`${name}-error ${name}-hint`}
          onInput={(event) => onChange(event.currentTarget.value)}
          {...(placeholder === undefined ? {} : { placeholder })}
        />
        {children}
      </div>
      {hint === undefined ? null : <p class="hint" id={`${name}-hint`}>{hint}</p>}
      <FieldError id={`${name}-error`} error={error} />
    </div>
  );
}

interface SelectFieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly error: string | null;
  readonly onChange: (value: string) => void;
}

export function SelectField({ name, label, value, options, error, onChange }: SelectFieldProps) {
  return (
    <div class={`field field-${name}`}>
      <label for={name}>{label}</label>
      <select
        id={name}
        name={name}
        value={value}
        aria-invalid={error !== null}
        aria-describedby={`${name}-error`}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>{option.label}</option>
        ))}
      </select>
      <FieldError id={`${name}-error`} error={error} />
    </div>
  );
}
