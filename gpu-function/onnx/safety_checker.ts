/**
 * The safety checker that Stable Diffusion packages may ship: CLIP's view of the image against embeddings
 * of what is not to be shown. `safety_checker/model.onnx` with optimum's names, and the checker's own
 * `feature_extractor/preprocessor_config.json`.
 */
import type { RgbImage } from "../image/rgb.ts";
import { loadImageProcessor } from "../image/image_processor.ts";
import { type LoadingOptions, loadSession, type OnnxSession } from "./session.ts";

export interface SafetyChecker {
  readonly session: OnnxSession;
  check(image: RgbImage): Promise<SafetyVerdict>;
}

export interface SafetyVerdict {
  readonly flagged: boolean;
  /** Spent inside of the graph. */
  readonly milliseconds: number;
}

export interface SafetyCheckerFiles {
  readonly graph: string;
  /** The folder of `preprocessor_config.json`. */
  readonly processor: string;
}

/** @throws RangeError naming the file that is missing or does not fit */
export async function loadSafetyChecker(
  { graph, processor: folder }: SafetyCheckerFiles,
  options: LoadingOptions,
): Promise<SafetyChecker> {
  const processor = await loadImageProcessor(folder);
  const types = ["float32", "float16"] as const;
  const session = await loadSession(graph, {
    inputs: [
      { name: "clip_input", types, shapes: [[null, 3, null, null]] },
      { name: "images", optional: true, types, shapes: [[null, null, null, null]] },
    ],
    outputs: [{ name: "has_nsfw_concepts", types: ["bool"], shapes: [[null]] }],
  }, options);
  return {
    session,
    async check(image) {
      const { value, milliseconds } = await session.run({
        clip_input: await processor.feed([image]),
        // What the graph would black out. That output is not fetched: an image is shown or withheld.
        images: { data: new Float32Array(3), shape: [1, 1, 1, 3] },
      });
      const [flagged] = value["has_nsfw_concepts"]?.data ?? [];
      if (flagged === undefined) throw new RangeError(`${graph}: has_nsfw_concepts is empty`);
      return { flagged: flagged !== 0, milliseconds };
    },
  };
}
