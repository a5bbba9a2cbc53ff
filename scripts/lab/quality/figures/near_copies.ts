/** Measures copying: are drawn images nearer to training renders than new renders are? Pure. */
import { average, type Estimate, shareOf, shareOfGroups } from "../../statistics/estimate.ts";
import { nearestOf, type Neighbour, rootMeanSquare } from "../../statistics/distance.ts";

/** Small images of one prompt, as 8-bit values. */
export interface CopySuspects {
  readonly prompt: string;
  readonly drawn: readonly Uint8Array[];
  /** Renders that the denoiser was trained on. */
  readonly shown: readonly Uint8Array[];
  /** Real renders that it was not trained on: only chance brings them near. */
  readonly heldOut: readonly Uint8Array[];
}

export interface PromptCopies {
  readonly prompt: string;
  /** Mean distance of the drawn images; all distances are shares of a pixel value's full range. */
  readonly drawn_distance: number;
  readonly held_out_distance: number;
  /**
   * Least distance of the held-out renders. Of 100, another render is nearer by chance in 1 of 101;
   * a percentile between the two least distances would be passed twice as often.
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
