/** Images to unit vectors of the space that texts share: `dual_encoder_text.ts`. */
import { join } from "node:path";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { loadSession } from "../../../gpu-function/onnx/session.ts";
import { inBatches, pixelFeed, rowsOf, type Scorer, SESSION_OPTIONS } from "./scorer.ts";

/** @throws RangeError naming the file when it is missing or does not fit */
export async function loadImageEncoder(folder: string): Promise<Scorer<RgbImage, Float32Array>> {
  const session = await loadSession(join(folder, "dual_encoder_image.onnx"), {
    inputs: [{ name: "pixels", types: ["float32"], shapes: [[null, 3, null, null]] }],
    outputs: [{ name: "image_embeds", types: ["float32"], shapes: [[null, null]] }],
  }, SESSION_OPTIONS);
  const side = session.inputShape("pixels").at(-1) ?? 0;
  return {
    score: (images) =>
      inBatches(images, async (batch) => {
        const { value } = await session.run({ pixels: pixelFeed(batch, side) });
        return rowsOf(value["image_embeds"]!);
      }),
    release: () => session.release(),
  };
}
