/**
 * Scores by visual questions as T2I-CompBench does (BLIP-VQA): one question for each thing that the
 * text asks for, and the product of the probabilities of "yes".
 */
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";
import { nounChunks } from "../../prompts/noun_chunks.ts";
import type { AlignmentScorer } from "../alignment.ts";

export interface Question {
  readonly image: RgbImage;
  /** A noun with its attributes, such as "a blue bird". */
  readonly thing: string;
}

export interface Answerer {
  readonly name: string;
  /** Returns for each question the probability, 0 to 1, that the image shows the thing. */
  answer(questions: readonly Question[]): Promise<readonly number[]>;
  release(): Promise<void>;
}

/** A text without things has no questions, and its score is NaN. */
export function visualQuestionScorer({ name, answer, release }: Answerer): AlignmentScorer {
  return {
    name,
    async score(pairs) {
      const things = pairs.map(({ text }) => nounChunks(text));
      const questions = pairs.flatMap(({ image }, i) =>
        things[i]!.map((thing) => ({ image, thing }))
      );
      const answers = await answer(questions);
      let next = 0;
      return things.map((asked) => {
        const own = answers.slice(next, next += asked.length);
        return own.length === 0 ? NaN : own.reduce((product, each) => product * each, 1);
      });
    },
    release,
  };
}
