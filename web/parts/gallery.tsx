/** A row of curated demos, each a run to watch again. It is absent where there are none. */
import type { Demo } from "../../client/demo.ts";

interface GalleryProps {
  readonly demos: readonly Demo[];
  /** The id of the generation on the stage. */
  readonly shown: string | null;
  readonly disabled: boolean;
  readonly onPlay: (demo: Demo) => void;
}

export function Gallery({ demos, shown, disabled, onPlay }: GalleryProps) {
  if (demos.length === 0) return null;
  return (
    <section class="gallery" aria-label="Demos">
      <p class="hint">Or watch one that is drawn already</p>
      <ol>
        {demos.map((demo) => (
          <li key={demo.slug}>
            <button
              type="button"
              disabled={disabled}
              title={demo.title}
              aria-current={demo.plan.id === shown}
              onClick={() => onPlay(demo)}
            >
              <img src={demo.image.url} alt={demo.plan.prompt} loading="lazy" decoding="async" />
              <span>{demo.title}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
