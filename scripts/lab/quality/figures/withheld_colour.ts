/** Each object has a colour that the denoiser never saw on it, so drawing it is not memory. */
import type { ClassifierLabels } from "../../scorers/judge/grid_reading.ts";

const NAMED_COLOURS = 10;

/** Computes `withheld_colour` of `scripts/training/train/scene.py`; null for an unknown noun. */
export function withheldColour({ objects, colours }: ClassifierLabels, noun: string) {
  // Class 0 is the background.
  const index = objects.indexOf(noun) - 1;
  return index < 0 ? null : colours[(7 * index + 3) % NAMED_COLOURS] ?? null;
}
