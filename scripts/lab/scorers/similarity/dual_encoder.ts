/** Loads an encoder of images and texts: mini's own pair of graphs, or any CLIP in ONNX. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PromptTokenizer } from "../../../../contract/mod.ts";
import { loadSession } from "../../../../gpu-function/onnx/session.ts";
import { loadClip } from "./clip_folder.ts";
import { type DualEncoder, inBatches, pixelFeed, rowsOf, SESSION_OPTIONS } from "../scorer.ts";

/**
 * @param tokenizer of the model under test, whose text encoder mini's text graph shares
 * @throws RangeError naming the file that is missing or does not fit
 */
export async function loadDualEncoder(
  folder: string,
  tokenizer: PromptTokenizer,
): Promise<DualEncoder> {
  const imageGraph = join(folder, "dual_encoder_image.onnx");
  if (!existsSync(imageGraph)) return await loadClip(folder);
  return {
    images: await loadImages(imageGraph),
    texts: await loadTexts(join(folder, "dual_encoder_text.onnx"), tokenizer),
  };
}

async function loadImages(graph: string): Promise<DualEncoder["images"]> {
  const session = await loadSession(graph, {
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

async function loadTexts(graph: string, tokenizer: PromptTokenizer): Promise<DualEncoder["texts"]> {
  const session = await loadSession(graph, {
    inputs: [{ name: "input_ids", types: ["int64", "int32"], shapes: [[null, null]] }],
    outputs: [{ name: "text_embeds", types: ["float32"], shapes: [[null, null]] }],
  }, SESSION_OPTIONS);
  return {
    score: (texts) =>
      inBatches(texts, async (batch) => {
        const ids = batch.map((text) => tokenizer.tokenize(text).ids);
        const shape = [ids.length, ids[0]?.length ?? 0];
        const { value } = await session.run({ input_ids: { data: ids.flat(), shape } });
        return rowsOf(value["text_embeds"]!);
      }),
    release: () => session.release(),
  };
}
