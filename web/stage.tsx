/** The image while it forms and when it is done, with the previews of the way there. */
import { useEffect, useRef, useState } from "preact/hooks";
import {
  filmstripSteps,
  type GenerationView,
  latestPicture,
  type Picture,
} from "./generation_view.ts";

export function Stage({ view }: { view: GenerationView }) {
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
    <figure class="stage" ref={figure}>
      <div class={`frame${stale ? " stale" : ""}`}>
        {shown === null
          ? <p class="empty">The image forms here</p>
          : <img class="picture" src={shown.source} alt={describe(view, looked?.step)} />}
      </div>
      <Filmstrip
        view={view}
        step={step}
        onPick={(picked) => setPinned(picked === null ? null : { id: view.id ?? "", step: picked })}
      />
    </figure>
  );
}

function describe({ plan, image }: GenerationView, step: number | undefined): string {
  const prompt = plan?.prompt ?? "";
  if (step !== undefined) return `Preview after step ${step + 1}: ${prompt}`;
  return image ? prompt : `Preview: ${prompt}`;
}

interface FilmstripProps {
  readonly view: GenerationView;
  /** The step that is looked at; null for the newest. */
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
  readonly label: string;
  readonly pressed: boolean;
  readonly onPress: () => void;
}

function Frame({ picture, label, pressed, onPress }: FrameProps) {
  return (
    <button type="button" aria-label={label} title={label} aria-pressed={pressed} onClick={onPress}>
      <img src={picture.source} alt="" />
    </button>
  );
}
