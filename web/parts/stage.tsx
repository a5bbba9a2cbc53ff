/** The image while it forms and when it is done, with its previews. */
import { useEffect, useRef, useState } from "preact/hooks";
import {
  filmstripSteps,
  type GenerationView,
  latestPicture,
  type Picture,
} from "../state/generation_view.ts";

interface StageProps {
  readonly view: GenerationView;
  /** Shows an image that the model's safety checker flagged. */
  readonly onUnveil: () => void;
}

export function Stage({ view, onUnveil }: StageProps) {
  const [pinned, setPinned] = useState<{ readonly id: string; readonly step: number } | null>(null);
  const step = pinned !== null && pinned.id === view.id ? pinned.step : null;
  const looked = view.previews.find((preview) => preview.step === step);
  const shown = looked ?? latestPicture(view);
  const stale = shown !== null && shown === view.backdrop;
  const figure = useRef<HTMLElement>(null);
  // On a phone the stage may be out of sight when the run begins.
  useEffect(() => {
    if (view.plan !== null) figure.current?.scrollIntoView({ block: "nearest" });
  }, [view.plan]);
  return (
    <figure class="stage" ref={figure} tabIndex={-1}>
      <div class={`frame${stale ? " stale" : ""}`}>
        {shown === null ? <p class="empty">The image forms here</p> : (
          <img
            class={`picture${view.veiled ? " veiled" : ""}`}
            src={shown.source}
            alt={describe(view, looked?.step)}
          />
        )}
        {view.veiled
          ? (
            <Veil
              onUnveil={() => {
                onUnveil();
                // The button goes away, so the focus must move.
                figure.current?.focus();
              }}
            />
          )
          : null}
      </div>
      <Filmstrip
        view={view}
        step={step}
        onPick={(picked) => setPinned(picked === null ? null : { id: view.id ?? "", step: picked })}
      />
    </figure>
  );
}

function Veil({ onUnveil }: { onUnveil: () => void }) {
  return (
    <button type="button" class="veil" onClick={onUnveil}>
      <strong>The model’s safety checker flagged this image</strong>
      <span>Show it</span>
    </button>
  );
}

function describe({ plan, image, veiled }: GenerationView, step: number | undefined): string {
  const prompt = plan?.prompt ?? "";
  if (veiled) return `Blurred: ${prompt}`;
  if (step !== undefined) return `Preview after step ${step + 1}: ${prompt}`;
  return image ? prompt : `Preview: ${prompt}`;
}

interface FilmstripProps {
  readonly view: GenerationView;
  /** The chosen step; null for the newest. */
  readonly step: number | null;
  readonly onPick: (step: number | null) => void;
}

function Filmstrip({ view, step, onPick }: FilmstripProps) {
  const slots = filmstripSteps(view);
  return (
    <ol class="filmstrip" aria-label="Previews">
      {slots.map((slot) => {
        const preview = view.previews.find((candidate) => candidate.step === slot);
        const label = `Preview after step ${slot + 1}`;
        return (
          <li key={slot}>
            {preview === undefined ? <span class="awaited" /> : (
              <Frame
                picture={preview}
                veiled={view.veiled}
                label={label}
                pressed={step === slot}
                onPress={() => onPick(step === slot ? null : slot)}
              />
            )}
          </li>
        );
      })}
      {slots.length === 0 && view.image === null ? null : (
        <li key="image">
          {view.image === null ? <span class="awaited" /> : (
            <Frame
              picture={view.image}
              veiled={view.veiled}
              label="The image"
              pressed={step === null}
              onPress={() => onPick(null)}
            />
          )}
        </li>
      )}
    </ol>
  );
}

interface FrameProps {
  readonly picture: Picture;
  readonly veiled: boolean;
  readonly label: string;
  readonly pressed: boolean;
  readonly onPress: () => void;
}

function Frame({ picture, veiled, label, pressed, onPress }: FrameProps) {
  return (
    <button type="button" aria-label={label} title={label} aria-pressed={pressed} onClick={onPress}>
      <img class={veiled ? "veiled" : ""} src={picture.source} alt="" />
    </button>
  );
}
