/** Scores by another scorer than the report names would be compared with the wrong numbers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { PromptTokenizer } from "../../../contract/mod.ts";
import { loadScorers } from "./laboratory_scorers.ts";

const FIXTURES = join(import.meta.dirname!, "../scorers/fixtures");
const [CLIP, BLIP] = [join(FIXTURES, "tiny_clip"), join(FIXTURES, "tiny_blip")];
const MINI = join(import.meta.dirname!, "../scorers/mini");
const endpoint = { baseUrl: "http://127.0.0.1:1/v1", model: "m", key: null, temperature: 0 };
// These tests ignore the ids; mini's text graph takes 32 of them.
const tokenizer = {
  tokenize: () => ({ ids: Array.from({ length: 32 }, () => 1) }),
} as unknown as PromptTokenizer;

for (
  const [options, names, hasClassifier] of [
    [{ clip: MINI, vqa: MINI, endpoint: null }, ["text CLIPScore", "VQA"], true],
    [{ clip: CLIP, vqa: null, endpoint: null }, ["text CLIPScore"], false],
    [
      { clip: CLIP, vqa: BLIP, endpoint },
      ["text CLIPScore", "BLIP-VQA", "described score"],
      false,
    ],
  ] as const
) {
  Deno.test(`loadScorers() gives ${names.join(", ")}`, async () => {
    const scorers = await loadScorers({ ...options, rubric: "attribute" }, tokenizer);
    assert.deepEqual(scorers.alignment.map(({ name }) => name), names);
    assert.equal(scorers.classifier !== null, hasClassifier);
    const side = options.clip === MINI ? 128 : 4;
    const image = { width: side, height: side, data: new Uint8Array(3 * side * side).fill(200) };
    const [clip] = await scorers.alignment[0]!.score([{ image, text: "a red car" }]);
    const [itself] = await scorers.similarity.score([{ image, reference: image }]);
    assert.ok(Math.abs(clip!) <= 1 && Math.abs(itself! - 1) < 1e-6, `${clip}, ${itself}`);
    await scorers.release();
  });
}

Deno.test("loadScorers() names what a folder lacks", async () => {
  const options = { clip: BLIP, vqa: null, endpoint: null, rubric: "attribute" as const };
  await assert.rejects(loadScorers(options, tokenizer), /vision_model\.onnx is missing/);
});
