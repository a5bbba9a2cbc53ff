/** Reads the fixed prompts of `scripts/training/train/prompts.json`, unused in training. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { ROOT } from "../../checkout.ts";

const evaluationPrompt = v.strictObject({
  text: v.string(),
  objects: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(2)),
  colours: v.array(v.nullable(v.string())),
  /** Place of the first object seen from the second; null with one object. */
  relation: v.optional(v.nullable(v.picklist(["left", "right", "above", "below"])), null),
});

/** A prompt and what its image must show. */
export type EvaluationPrompt = Readonly<v.InferOutput<typeof evaluationPrompt>>;

export async function loadPrompts(): Promise<EvaluationPrompt[]> {
  const text = await readFile(`${ROOT}scripts/training/train/prompts.json`, "utf8");
  return v.parse(v.array(evaluationPrompt), JSON.parse(text));
}

export function isPair({ objects }: EvaluationPrompt): boolean {
  return objects.length === 2;
}
