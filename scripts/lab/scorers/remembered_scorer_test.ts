/** A score of another image is a wrong result that nobody would look for. */
import assert from "node:assert/strict";
import { rememberScores } from "./remembered_scorer.ts";

Deno.test("rememberScores() asks about each input once and answers in the order asked", async () => {
  const asked: number[][] = [];
  const scorer = rememberScores({
    score: (inputs: readonly { readonly value: number }[]) => {
      asked.push(inputs.map(({ value }) => value));
      return Promise.resolve(inputs.map(({ value }) => value * 10));
    },
    release: () => Promise.resolve(),
  });
  const [a, b, c, alike] = [1, 2, 3, 1].map((value) => ({ value }));
  assert.deepEqual(await scorer.score([b!, a!, b!]), [20, 10, 20]);
  assert.deepEqual(await scorer.score([c!, a!, alike!]), [30, 10, 10]);
  assert.deepEqual(asked, [[2, 1], [3, 1]]);
});
