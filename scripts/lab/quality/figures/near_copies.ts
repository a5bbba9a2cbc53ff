/**
 * Whether drawn images lie nearer to training renders than new renders of the same prompt do, which
 * would be copying. Pure.
 */
import { average, type Estimate, shareOf, shareOfGroups } from "../../statistics/estimate.ts";
import { nearestOf, type Neighbour, rootMeanSquare } from "../../statistics/distance.ts";

/** Small images of one prompt, as 8-bit values. */
export interface CopySuspects {
  readonly prompt: string;
  readonly drawn: readonly Uint8Array[];
  /** What the denoiser was shown. */
  readonly shown: readonly Uint8Array[];
  /** Real renders that it was not shown: as near as chance brings one. */
  readonly heldOut: readonly Uint8Array[];
}

export interface PromptCopies {
  readonly prompt: string;
  /** Means and bound in shares of the full range of a pixel value. */
  readonly drawn_distance: number;
  readonly held_out_distance: number;
  /**
   * The least of the held-out renders' distances: of 100 of them, another render is nearer by chance
   * in 1 of 101. A percentile between the two least would be passed twice as often.
   */
  readonly bound: number;
  readonly nearer: Estimate;
  /** The drawn image that is nearest to a training render, and that render. */
  readonly nearest: { readonly drawn: number; readonly shown: number; readonly distance: number };
}

export interface NearCopies {
  readonly prompts: readonly PromptCopies[];
  /** Share of all drawn images below their prompt's bound. */
  readonly nearer: Estimate;
}

export function measureNearCopies(rows: readonly CopySuspects[]): NearCopies {
  const measured = rows.map(ofPrompt);
  return {
    prompts: measured.map(({ copies }) => copies),
    nearer: shareOfGroups(measured.map(({ isNearer }) => isNearer)),
  };
}

function ofPrompt({ prompt, drawn, shown, heldOut }: CopySuspects) {
  const near = (image: Uint8Array): Neighbour => {
    const { index, distance } = nearestOf(image, shown, rootMeanSquare);
    return { index, distance: distance / 255 };
  };
  const ofDrawn = drawn.map(near);
  const ofHeldOut = heldOut.map((image) => near(image).distance);
  const bound = Math.min(...ofHeldOut);
  const isNearer = ofDrawn.map(({ distance }) => distance < bound);
  const distances = ofDrawn.map(({ distance }) => distance);
  const first = distances.indexOf(Math.min(...distances));
  const copies: PromptCopies = {
    prompt,
    drawn_distance: average(distances),
    held_out_distance: average(ofHeldOut),
    bound,
    nearer: shareOf(isNearer),
    nearest: {
      drawn: first,
      shown: ofDrawn[first]?.index ?? -1,
      distance: distances[first] ?? NaN,
    },
  };
  return { copies, isNearer };
}
