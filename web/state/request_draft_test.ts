/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { MANIFEST } from "../../contract/fixtures/planning_model.ts";
import { parseGenerationRequest } from "../../contract/request/generation_request.ts";
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
  semantic_repeats: "2",
  guided_from: 0.1,
  guided_to: 0.35,
  decision: "auto",
  head: "cond",
  tail: "delta",
  swap_prompt: "a brown chair",
  swap_from: 0.05,
  swap_to: 0.5,
  swap_scope: "first",
  swap_align: "absolute",
  sos_state: "zeros",
  semantic_state: "sos",
  eos_state: "noise",
};

Deno.test("A link reproduces the draft", () => {
  assert.deepEqual(parseDraftQuery(`?${draftQuery(FULL)}`), FULL);
  assert.equal(draftQuery(EMPTY_DRAFT), "");
});

Deno.test("draftRequest() bounds an automatic cutoff only where the draft does", () => {
  const cutoffOf = (draft: Partial<RequestDraft>, manifest: typeof MANIFEST | null = MANIFEST) =>
    draftRequest({ ...EMPTY_DRAFT, ...draft }, manifest).cutoff;
  assert.deepEqual(cutoffOf({ decision: "auto" }), { auto: {} });
  assert.deepEqual(cutoffOf({ decision: "auto", tail: "cond" }), { auto: {}, tail: "cond" });
  assert.deepEqual(cutoffOf({ decision: "auto", guided_to: 0.5 }), { auto: { max_steps: 10 } });
  assert.deepEqual(cutoffOf({ decision: "auto", guided_to: 0.5 }, null), { auto: {} });
});

Deno.test("A link with nonsense in its fractions and choices falls back to the whole run", () => {
  const draft = parseDraftQuery("?prompt=x&guided_to=7&swap_to=&tail=wag&sos_state=sos");
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
    cutoff: { auto: { max_steps: 10 }, guided_from: 4, head: "cond", tail: "delta" },
    eos_swap: { prompt: "a brown chair", from: 2, to: 20, scope: "first", align: "absolute" },
    token_states: { sos: "zeros", semantic: "sos", eos: "noise" },
    semantic_repeats: 2,
    previews: { every: 4, method: "vae" },
  });
  assert(parseGenerationRequest(draftRequest(FULL, MANIFEST)).ok);
});

Deno.test("draftRequest() names the model whose defaults the form shows", () => {
  const draft = { ...EMPTY_DRAFT, prompt: "x" };
  assert.equal(draftRequest(draft, MANIFEST).model, "fixture");
});

Deno.test("draftRequest() leaves out what a request means anyway", () => {
  const body = (draft: Partial<RequestDraft>) =>
    draftRequest({ ...EMPTY_DRAFT, prompt: "x", ...draft }, null);
  assert.deepEqual(body({ head: "cond", tail: "delta", swap_scope: "first" }), { prompt: "x" });
  const steps = { num_inference_steps: "10" };
  assert.deepEqual(body({ ...steps, guided_to: 0.5, head: "cond" })["cutoff"], { guided_steps: 5 });
  assert.deepEqual(body({ ...steps, guided_from: 0.3, tail: "cond" })["cutoff"], {
    guided_steps: 7,
    guided_from: 3,
  });
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
    guided_to: 0.5,
    swap_prompt: "y",
    swap_to: 0.5,
  };
  assert.deepEqual(draftRequest(draft, null), {
    prompt: "x",
    cutoff: { guided_fraction: 0.5 },
    eos_swap: { prompt: "y" },
  });
});
