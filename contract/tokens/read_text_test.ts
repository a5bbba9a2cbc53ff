/// <reference lib="deno.ns" />
// Broken here: a plan shows one asker's words to another, or a text that is read otherwise.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../fixtures/planning_model.ts";
import { createTextReader, parseGenerationRequest, type Plan, planGeneration } from "../mod.ts";

/** Words of letters; "a" and "bird" are known. */
const WORDS = createTextReader({
  normalize: (text) => text.toLowerCase(),
  idsOf: (text) =>
    [...text.toLowerCase().matchAll(/<unk>|[a-z]+/g)].map(([word]) =>
      word === "a" ? 1 : word === "bird" ? 2 : 0
    ),
  unknown: { id: 0, name: "<unk>" },
});

/** Pieces of words: each letter is known, runs of anything else are one unknown piece. */
const PIECES = createTextReader({
  normalize: (text) => text.replace(/\s+/g, " ").trim(),
  idsOf: (text) =>
    text.split(" ").flatMap((word) =>
      word === "" ? [] : [
        9,
        ...[...word.matchAll(/[a-z]|[^a-z]+/g)].map(([piece]) =>
          /[a-z]/.test(piece) ? piece.charCodeAt(0) : 0
        ),
      ]
    ),
  unknown: { id: 0, name: "<unk>" },
});

Deno.test("a text is read without what is left out, and the rest in one spelling", () => {
  const cases: readonly [string, string, string[]][] = [
    ["a bird", "a bird", []],
    ["  A   BIRD ", "a bird", []],
    ["a 3 bird, 日本", "a bird", ["3", ",", "日本"]],
    ["a bird ИДИ ТЫ ИДИ", "a bird", ["иди", "ты"]],
    ["a rude bird", "a <unk> bird", []],
    ["a crude bird", "a <unk> bird", []],
    ["a b5d bird", "a <unk> <unk> bird", ["5"]],
    ["一只鸟", "", ["一只鸟"]],
    ["", "", []],
  ];
  for (const [text, read, unread] of cases) assert.deepEqual(WORDS(text), { read, unread }, text);
});

Deno.test("characters that a vocabulary of pieces lacks are no longer told apart", () => {
  const cases = [["a bird", "a bird"], ["a 一 b", "a � b"], ["a 二只 b", "a � b"], ["ab一", "ab�"]];
  for (const [text = "", read] of cases) {
    assert.deepEqual(PIECES(text), { read, unread: [] }, text);
  }
});

Deno.test("a text that no spelling stands for stays as it is", () => {
  const reader = createTextReader({
    normalize: (text) => text,
    idsOf: (text) => [...text].map((character) => character.charCodeAt(0)),
    unknown: null,
  });
  assert.deepEqual(reader(" two  spaces "), { read: " two  spaces ", unread: [] });
});

function planOf(fields: Record<string, unknown>): Plan {
  const parsed = parseGenerationRequest({ model: "fixture", prompt: "a blue bird", ...fields });
  assert(parsed.ok, parsed.ok ? "" : parsed.problem.detail);
  const planned = planGeneration({ ...parsed.value, seed: 1 }, planningModel());
  assert(planned.ok, planned.ok ? "" : planned.problem.detail);
  return planned.value;
}

Deno.test("requests of one key have one plan, whatever was typed without effect", () => {
  const swap = (prompt: string) => ({ prompt, from: 0, to: 0 });
  const alike: readonly [string, Record<string, unknown>, Record<string, unknown>][] = [
    ["characters left out", { prompt: "a blue bird" }, { prompt: "a BLUE, bird ИДИ 7" }],
    ["unknown words", { prompt: "a rude bird" }, { prompt: "a crude bird" }],
    ["a negative prompt at scale 1", { guidance_scale: 1 }, {
      guidance_scale: 1,
      negative_prompt: "you chair",
    }],
    ["a negative prompt without a guided step", { cutoff: { guided_steps: 0 } }, {
      cutoff: { guided_steps: 0 },
      negative_prompt: "you chair",
    }],
    ["a negative prompt of nothing", {}, { negative_prompt: "日本" }],
    ["a prompt that no step sees", { cutoff: { guided_steps: 0 } }, {
      cutoff: { guided_steps: 0 },
      prompt: "wooden chair",
    }],
    ["a swap in no step", {}, { eos_swap: swap("a brown chair") }],
    ["a swap that no step sees", { cutoff: { guided_steps: 0 } }, {
      cutoff: { guided_steps: 0 },
      eos_swap: { prompt: "a brown chair" },
    }],
  ];
  for (const [what, one, other] of alike) assert.deepEqual(planOf(one), planOf(other), what);
});

Deno.test("a prompt of which nothing is read is refused, and an empty [EOS] prompt is not", () => {
  const refusal = (fields: Record<string, unknown>) => {
    const parsed = parseGenerationRequest({ model: "fixture", prompt: "a bird", ...fields });
    assert(parsed.ok);
    const planned = planGeneration({ ...parsed.value, seed: 1 }, planningModel());
    return planned.ok ? null : planned.problem.detail;
  };
  const rule = (field: string, given: string) =>
    `${field} must be text of which model fixture reads a part, given ${given}`;
  assert.equal(refusal({ prompt: "一只 鸟" }), rule("prompt", '"一只 鸟"'));
  assert.equal(refusal({ prompt: "12 %" }), rule("prompt", '"12 %"'));
  assert.equal(refusal({ eos_swap: { prompt: "🐦" } }), rule("eos_swap.prompt", '"🐦"'));
  assert.equal(refusal({ eos_swap: { prompt: "" } }), null);
  assert.equal(refusal({ negative_prompt: "日本" }), null);
  assert.equal(MANIFEST.id, "fixture");
});
