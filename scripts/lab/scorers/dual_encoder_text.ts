/** Texts to unit vectors of the space that images share: `dual_encoder_image.ts`. */
import { join } from "node:path";
import type { PromptTokenizer } from "../../../contract/mod.ts";
import { loadSession } from "../../../gpu-function/onnx/session.ts";
import { inBatches, rowsOf, type Scorer, SESSION_OPTIONS } from "./scorer.ts";

/**
 * @param tokenizer that of the model package, whose text encoder is this encoder's text tower
 * @throws RangeError naming the file when it is missing or does not fit
 */
export async function loadTextScorer(
  folder: string,
  tokenizer: PromptTokenizer,
): Promise<Scorer<string, Float32Array>> {
  const session = await loadSession(join(folder, "dual_encoder_text.onnx"), {
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
