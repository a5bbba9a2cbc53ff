/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { MANIFEST } from "../contract/fixtures/planning_model.ts";
import { parseGenerationRequest } from "../contract/generation_request.ts";
import {
  draftQuery,
  draftRequest,
  EMPTY_DRAFT,
  parseDraftQuery,
  type RequestDraft,
} from "./request_draft.ts";

const FULL: RequestDraft = {
  model: "fixture",
  prompt: "a blue bird & co",
  negative_prompt: "chair",
  seed: "0",
  width: "32",
  height: "48",
  num_inference_steps: "40",
  guidance_scale: "2.5",
  sampler: "ddim",
  guided_fraction: 0.25,
  tail: "cond",
  swap_prompt: "a brown chair",
  swap_from: 0.05,
  swap_to: 0.5,
};

Deno.test("A link reproduces the draft", () => {
  assert.deepEqual(parseDraftQuery(`?${draftQuery(FULL)}`), FULL);
  assert.equal(draftQuery(EMPTY_DRAFT), "");
});

Deno.test("A link with nonsense in its fractions falls back to the whole run", () => {
  const draft = parseDraftQuery("?prompt=x&guided_fraction=7&swap_to=&tail=wag");
  assert.deepEqual(draft, { ...EMPTY_DRAFT, prompt: "x" });
});

Deno.test("draftRequest() says everything in the service's words", () => {
  assert.deepEqual(draftRequest(FULL, MANIFEST), {
    model: "fixture",
    prompt: "a blue bird & co",
    negative_prompt: "chair",
    seed: 0,
    width: 32,
    height: 48,
    num_inference_steps: 40,
    guidance_scale: 2.5,
    sampler: "ddim",
    cutoff: { guided_steps: 10, tail: "cond" },
    eos_swap: { prompt: "a brown chair", from: 2, to: 20 },
    previews: { every: 4, method: "vae" },
  });
  assert(parseGenerationRequest(draftRequest(FULL, MANIFEST)).ok);
});

Deno.test("draftRequest() names the model whose defaults the form shows", () => {
  const draft = { ...EMPTY_DRAFT, prompt: "x" };
  assert.equal(draftRequest(draft, MANIFEST).model, "fixture");
});

Deno.test("draftRequest() passes on what is no number, to be refused by name", () => {
  const draft = { ...EMPTY_DRAFT, prompt: "x", seed: "seven", guidance_scale: "1e999" };
  const parsed = parseGenerationRequest(draftRequest(draft, null));
  assert(!parsed.ok);
  assert.deepEqual(parsed.problem.errors?.map(({ field, given }) => [field, given]), [
    ["seed", '"seven"'],
    ["guidance_scale", '"1e999"'],
  ]);
});

Deno.test("draftRequest() cuts by fraction while the model's steps are unknown", () => {
  const draft = {
    ...EMPTY_DRAFT,
    prompt: "x",
    guided_fraction: 0.5,
    swap_prompt: "y",
    swap_to: 0.5,
  };
  assert.deepEqual(draftRequest(draft, null), {
    prompt: "x",
    cutoff: { guided_fraction: 0.5 },
    eos_swap: { prompt: "y" },
  });
});
