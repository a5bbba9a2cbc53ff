/** Loads the scorers that a command line asks for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PromptTokenizer } from "../../../contract/mod.ts";
import type { AlignmentScorer, SimilarityScorer } from "../scorers/alignment.ts";
import { loadBlipVqa } from "../scorers/questions/blip_vqa.ts";
import { type Classifier, loadClassifier } from "../scorers/judge/classifier.ts";
import { classifierAnswers } from "../scorers/questions/classifier_answers.ts";
import { clipScorers } from "../scorers/similarity/clip_score.ts";
import { describedScorer, type Rubric } from "../scorers/questions/described_score.ts";
import type { DualEncoder } from "../scorers/scorer.ts";
import { loadDualEncoder } from "../scorers/similarity/dual_encoder.ts";
import { rememberScores } from "../scorers/remembered_scorer.ts";
import { createVisionChat, type VisionEndpoint } from "../scorers/questions/vision_chat.ts";
import { visualQuestionScorer } from "../scorers/questions/visual_questions.ts";

export interface ScorerOptions {
  /** Folder of a CLIP, or of mini's dual encoder. */
  readonly clip: string;
  /** Folder of a BLIP-VQA, or of mini's classifier; null for none. */
  readonly vqa: string | null;
  readonly endpoint: VisionEndpoint | null;
  readonly rubric: Rubric;
}

export interface LaboratoryScorers {
  /** Scorers of an image against a text, CLIPScore first. */
  readonly alignment: readonly AlignmentScorer[];
  readonly similarity: SimilarityScorer;
  /** Classifier of objects and colours; null when another model answers the questions. */
  readonly classifier: Classifier | null;
  release(): Promise<void>;
}

/**
 * @param tokenizer of the model under test
 * @throws RangeError naming the file that is missing or does not fit
 */
export async function loadScorers(
  { clip, vqa, endpoint, rubric }: ScorerOptions,
  tokenizer: PromptTokenizer,
): Promise<LaboratoryScorers> {
  const encoder = await loadDualEncoder(clip, tokenizer);
  const { alignment, similarity } = clipScorers(encoder);
  const classifier = vqa !== null && existsSync(join(vqa, "classifier.onnx"))
    ? await loadRemembering(vqa)
    : null;
  const answerer = classifier !== null
    ? classifierAnswers(classifier)
    : vqa !== null
    ? await loadBlipVqa(vqa)
    : null;
  return {
    alignment: [
      alignment,
      ...(answerer === null ? [] : [visualQuestionScorer(answerer)]),
      ...(endpoint === null ? [] : [describedScorer(createVisionChat(endpoint), rubric)]),
    ],
    similarity,
    classifier,
    release: () => releaseAll(encoder, answerer),
  };
}

async function loadRemembering(folder: string): Promise<Classifier> {
  const classifier = await loadClassifier(folder);
  return { ...classifier, ...rememberScores(classifier) };
}

async function releaseAll(
  encoder: DualEncoder,
  answerer: { release(): Promise<void> } | null,
): Promise<void> {
  await encoder.images.release();
  await encoder.texts.release();
  await answerer?.release();
}
