/** The colour in which the denoiser was never shown an object: its own composition, not its memory. */
import type { ClassifierLabels } from "../../scorers/judge/grid_reading.ts";

const NAMED_COLOURS = 10;

/** As `withheld_colour` of `scripts/training/train/scene.py`; null for a noun that is none of the labels. */
export function withheldColour({ objects, colours }: ClassifierLabels, noun: string) {
  // The background, class 0, is no noun.
  const index = objects.indexOf(noun) - 1;
  return index < 0 ? null : colours[(7 * index + 3) % NAMED_COLOURS] ?? null;
}
