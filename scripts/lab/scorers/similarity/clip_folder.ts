/**
 * Loads a CLIP in ONNX as the usual exporters lay it out: `text_model.onnx` and `vision_model.onnx`
 * with their projections, in the folder or in `onnx/` below it, beside `tokenizer.json`,
 * `tokenizer_config.json` and `preprocessor_config.json`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadSession, type OnnxSession } from "../../../../gpu-function/onnx/session.ts";
import { type DualEncoder, inBatches, rowsOf, SESSION_OPTIONS } from "../scorer.ts";
import { loadImageProcessor } from "../../../../gpu-function/image/image_processor.ts";
import { loadTextIds } from "./text_ids.ts";

/** @throws RangeError naming the file that is missing or does not fit */
export async function loadClip(folder: string): Promise<DualEncoder> {
  const processor = await loadImageProcessor(folder);
  const textIds = await loadTextIds(folder);
  const vision = await loadSession(graphFile(folder, "vision_model.onnx"), {
    inputs: [{ name: "pixel_values", types: ["float32"], shapes: [[null, 3, null, null]] }],
    outputs: [{ name: "image_embeds", types: ["float32"], shapes: [[null, null]] }],
  }, SESSION_OPTIONS);
  const text = await openText(folder);
  const length = text.inputShape("input_ids").at(-1) ?? null;
  return {
    images: {
      score: (images) =>
        inBatches(images, async (batch) => {
          const { value } = await vision.run({ pixel_values: await processor.feed(batch) });
          return rowsOf(value["image_embeds"]!);
        }),
      release: () => vision.release(),
    },
    texts: {
      score: (texts) =>
        inBatches(texts, async (batch) => {
          const { value } = await text.run(textIds.feeds(batch, length));
          return rowsOf(value["text_embeds"]!);
        }),
      release: () => text.release(),
    },
  };
}

async function openText(folder: string): Promise<OnnxSession> {
  const integers = { types: ["int64", "int32"] as const, shapes: [[null, null]] };
  return await loadSession(graphFile(folder, "text_model.onnx"), {
    inputs: [
      { name: "input_ids", ...integers },
      { name: "attention_mask", optional: true, ...integers },
    ],
    outputs: [{ name: "text_embeds", types: ["float32"], shapes: [[null, null]] }],
  }, SESSION_OPTIONS);
}

/** Looks in the folder itself, then below `onnx/`. */
export function graphFile(folder: string, name: string): string {
  const below = join(folder, "onnx", name);
  return existsSync(below) ? below : join(folder, name);
}
