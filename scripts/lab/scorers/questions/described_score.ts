/**
 * Scores like MiniGPT4-CoT (T2I-CompBench), in our words: the model first says what it sees, then
 * grades it by a rubric. Grades from 0 to 100 are reported as 0 to 1, as in the paper's Table 1.
 */
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import { nounChunks } from "../../prompts/noun_chunks.ts";
import type { AlignmentScorer, ImageText } from "../alignment.ts";
import type { Turn, VisionChat } from "./vision_chat.ts";

/** `attribute` grades each thing with its attribute; `general` grades the whole text at once. */
export type Rubric = "attribute" | "general";

const ASKS = 3;
const AT_ONCE = 4;

const LOOK =
  "Say in at most 50 words which objects this image shows, and the colour, shape and texture of each.";
const REPLY =
  'Reply with JSON alone: {"score": <number from 0 to 100>, "reason": "<one short sentence>"}.';
const RUBRICS: Readonly<Record<Rubric, readonly string[]>> = {
  attribute: [
    "100: the object is there and has the attribute",
    "75: the object is there and mostly has the attribute",
    "20: the object is there, but without the attribute",
    "10: the object is not there",
  ],
  general: [
    "100: everything in the text is there and as it says",
    "80: nearly everything is, one detail differs",
    "60: about half of it is",
    "40: little of it is",
    "20: none of it is",
  ],
};

/** A score is NaN if the model refuses, or gives no grade when asked three times. */
export function describedScorer(chat: VisionChat, rubric: Rubric): AlignmentScorer {
  return {
    name: "described score",
    async score(pairs) {
      const scores: number[] = [];
      for (let start = 0; start < pairs.length; start += AT_ONCE) {
        const batch = pairs.slice(start, start + AT_ONCE);
        scores.push(...await Promise.all(batch.map((pair) => scoreOne(chat, rubric, pair))));
      }
      return scores;
    },
    release: () => Promise.resolve(),
  };
}

async function scoreOne(
  chat: VisionChat,
  rubric: Rubric,
  { image, text }: ImageText,
): Promise<number> {
  const seen = await chat.answer(image, [{ role: "user", text: LOOK }]);
  if (seen === null) return NaN;
  const asked = rubric === "attribute" ? nounChunks(text) : [text];
  const grades: number[] = [];
  for (const each of asked) {
    grades.push(
      await grade(chat, image, [
        { role: "user", text: LOOK },
        { role: "assistant", text: seen },
        { role: "user", text: gradingTurn(each, rubric) },
      ]),
    );
  }
  return grades.reduce((sum, each) => sum + each, 0) / grades.length / 100;
}

function gradingTurn(asked: string, rubric: Rubric): string {
  return [
    `By the image and by what you said of it, how well does the image show "${asked}"?`,
    ...RUBRICS[rubric],
    REPLY,
  ].join("\n");
}

/** Returns 0 to 100, or NaN. */
async function grade(
  chat: VisionChat,
  image: RgbImage,
  turns: readonly Turn[],
): Promise<number> {
  for (let asked = 0; asked < ASKS; asked++) {
    const answer = await chat.answer(image, turns);
    if (answer === null) return NaN;
    const given = readGrade(answer);
    if (given !== null) return given;
  }
  return NaN;
}

/** Returns the JSON's score, else the answer's first number from 0 to 100; null without any. */
export function readGrade(answer: string): number | null {
  const score = answer.match(/"score"\s*:\s*"?(-?\d+(?:\.\d+)?)/)?.[1];
  const candidates = score === undefined ? answer.match(/-?\d+(?:\.\d+)?/g) ?? [] : [score];
  return candidates.map(Number).find((number) => number >= 0 && number <= 100) ?? null;
}
