/** Plans what an image request asks for: one generation for each of its images. */
import { accept, LIMITS, type Parsed, type Problem, refuse } from "../../../contract/mod.ts";
import type { PlannedGeneration } from "../../generations/run.ts";
import type { ImageRequest } from "./image_request.ts";

export type PlanImage = (input: unknown) => Promise<Parsed<PlannedGeneration>>;

/** Seeds count up from the first image's, given or drawn, so any image can be asked for alone. */
export async function planImages(
  { generation, n, partialImages }: ImageRequest,
  plan: PlanImage,
): Promise<Parsed<readonly PlannedGeneration[]>> {
  const first = await plan(generation);
  if (!first.ok) return refuse(inOpenAiWords(first.problem));
  const { seed } = first.value.plan;
  const previews = previewsFor(first.value, partialImages);
  const images: PlannedGeneration[] = [];
  for (let i = 0; i < n; i++) {
    const next = { ...generation, seed: (seed + i) % (LIMITS.seedMax + 1), previews };
    const planned = await plan(next);
    if (!planned.ok) return planned;
    images.push(planned.value);
  }
  return accept(images);
}

/** A problem with a side is reported under the field that it came in. */
function inOpenAiWords({ errors, ...problem }: Problem): Problem {
  if (!errors) return problem;
  const isSide = (field: string) => field === "width" || field === "height";
  const placed = errors.map((issue) => isSide(issue.field) ? { ...issue, field: "size" } : issue);
  return { ...problem, errors: placed };
}

/**
 * Partial images are in the format of the image, under whose name clients write them. Whoever wants
 * none leaves the previews as others know them.
 */
function previewsFor(first: PlannedGeneration, partialImages: number) {
  const every = previewsEvery(first, partialImages);
  return partialImages === 0 ? { every } : { every, format: first.plan.output_format };
}

/** Returns the steps between previews: as usual, or fewer where previews would be too few. */
function previewsEvery({ request, plan }: PlannedGeneration, partialImages: number): number {
  const between = Math.floor(plan.num_inference_steps / (partialImages + 1));
  return Math.min(request.previews.every, Math.max(between, 1));
}

/**
 * Chooses which previews of a run to show: at most `count`, at even distances in steps. The
 * function is called with each preview's step in turn. It picks the i-th at the first step by which
 * i + 1 of count + 1 equal parts of the run are done.
 */
export function spreadPreviews(steps: number, count: number): (step: number) => boolean {
  let shown = 0;
  return (step) => {
    const due = Math.min(Math.floor(((step + 1) * (count + 1)) / steps), count);
    const isDue = due > shown;
    shown = Math.max(due, shown);
    return isDue;
  };
}
