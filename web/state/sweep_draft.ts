/** The sweep that the page offers: the form's request under the paper's row of cutoffs. */
import type { ModelManifest } from "../../contract/model_manifest.ts";
import type { SweepBody } from "../../client/api_client.ts";
import { draftRequest, draftSteps, type RequestDraft } from "./request_draft.ts";

/** Shares of the steps in the tail (paper, Table 2, at T = 50: a = 0, 5 .. 25). */
const UNGUIDED_SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.5];
/** Previews of a branch. There are few, since six branches run for one comparison. */
const PREVIEWS = 5;

/** The body of `POST /v1/sweeps`; null while the number of steps is unknown. */
export function draftSweep(
  draft: RequestDraft,
  manifest: ModelManifest | null,
): SweepBody | null {
  const steps = draftSteps(draft, manifest);
  if (steps === null) return null;
  const { cutoff: _, previews, ...base } = draftRequest(draft, manifest);
  const tail = draft.tail === "null" ? {} : { tail: draft.tail };
  const every = Math.ceil(steps / PREVIEWS);
  return {
    base: { ...base, previews: { ...Object(previews), every } },
    cutoffs: cutoffRow(steps).map((a) => a === 0 ? { a } : { a, ...tail }),
  };
}

/** The row's values of `a` for a number of steps, without repeats. */
export function cutoffRow(steps: number): number[] {
  return [...new Set(UNGUIDED_SHARES.map((share) => Math.round(share * steps)))];
}
