/** Scores each image once, however many questions are asked about it. */
import type { Scorer } from "./scorer.ts";

/** Inputs are the same only if they are one object; a score lives as long as its input. */
export function rememberScores<Input extends WeakKey, Score>(
  scorer: Scorer<Input, Score>,
): Scorer<Input, Score> {
  const known = new WeakMap<Input, { readonly score: Score }>();
  return {
    async score(inputs) {
      const missing = [...new Set(inputs)].filter((input) => !known.has(input));
      const scores = await scorer.score(missing);
      for (const [i, input] of missing.entries()) known.set(input, { score: scores[i]! });
      return inputs.map((input) => known.get(input)!.score);
    },
    release: () => scorer.release(),
  };
}
