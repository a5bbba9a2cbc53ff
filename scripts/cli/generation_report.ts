/** Describes one finished generation on the command line. Pure. */
import type { GenerationEventOf, Plan } from "../../contract/mod.ts";

/**
 * @param file path of the image
 * @returns lines that say what came out, what it cost and how long it took
 */
export function generationReport(
  { width, height, seed }: Plan,
  { evaluations, timings, determinism }: GenerationEventOf<"generation.completed">,
  file: string,
): string[] {
  const { spent, shared, full, saved } = evaluations;
  const ofThemShared = shared > 0 ? `, ${shared} of them shared` : "";
  const seconds = (timings.total_ms / 1000).toFixed(2);
  const inside = (100 * timings.inference_ms / timings.total_ms).toFixed(1);
  return [
    `${file}  ${width}x${height}, seed ${seed}, ${determinism}`,
    `${spent + shared} of ${full} evaluations${ofThemShared}, ${(100 * saved).toFixed(0)} % saved`,
    `${seconds} s, ${inside} % of it inside the model`,
  ];
}
