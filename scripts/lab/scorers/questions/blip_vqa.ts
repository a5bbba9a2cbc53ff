/**
 * Runs BLIP-VQA (Li et al. 2022) as T2I-CompBench does: it asks "{thing}?" and reads the answer's
 * first token. `model.onnx` lies in the folder or in `onnx/` below it. It takes
 * `pixel_values` [n, 3, h, w], `input_ids` and optionally `attention_mask` [n, tokens], and gives
 * `answer_logits` [n, vocabulary] for the answer's first token. `tokenizer.json`,
 * `tokenizer_config.json` and `preprocessor_config.json` lie beside it.
 */
import { loadSession, type OnnxSession } from "../../../../gpu-function/onnx/session.ts";
import { graphFile } from "../similarity/clip_folder.ts";
import {
  type ImageProcessor,
  loadImageProcessor,
} from "../../../../gpu-function/image/image_processor.ts";
import { inBatches, rowsOf, SESSION_OPTIONS } from "../scorer.ts";
import { loadTextIds, type TextIds } from "../similarity/text_ids.ts";
import type { Answerer, Question } from "./visual_questions.ts";

/** @throws RangeError naming the file that is missing or does not fit */
export async function loadBlipVqa(folder: string): Promise<Answerer> {
  const processor = await loadImageProcessor(folder);
  const textIds = await loadTextIds(folder);
  const [yes, no] = [textIds.idOf("yes"), textIds.idOf("no")];
  const session = await openBlip(folder);
  return {
    name: "BLIP-VQA",
    answer: (questions) =>
      inBatches(questions, async (batch) => {
        const logits = await answerLogits(batch, { session, processor, textIds });
        // The softmax over the vocabulary cancels out of p(yes) / (p(yes) + p(no)).
        return logits.map((row) => 1 / (1 + Math.exp(row[no]! - row[yes]!)));
      }),
    release: () => session.release(),
  };
}

async function answerLogits(
  questions: readonly Question[],
  { session, processor, textIds }: {
    readonly session: OnnxSession;
    readonly processor: ImageProcessor;
    readonly textIds: TextIds;
  },
): Promise<Float32Array[]> {
  const length = session.inputShape("input_ids").at(-1) ?? null;
  const { value } = await session.run({
    pixel_values: await processor.feed(questions.map(({ image }) => image)),
    ...textIds.feeds(questions.map(({ thing }) => `${thing}?`), length),
  });
  return rowsOf(value["answer_logits"]!);
}

async function openBlip(folder: string): Promise<OnnxSession> {
  const integers = { types: ["int64", "int32"] as const, shapes: [[null, null]] };
  return await loadSession(graphFile(folder, "model.onnx"), {
    inputs: [
      { name: "pixel_values", types: ["float32"], shapes: [[null, 3, null, null]] },
      { name: "input_ids", ...integers },
      { name: "attention_mask", optional: true, ...integers },
    ],
    outputs: [{ name: "answer_logits", types: ["float32"], shapes: [[null, null]] }],
  }, SESSION_OPTIONS);
}
