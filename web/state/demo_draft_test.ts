/// <reference lib="deno.ns" />
// Broken here: a demo fills the form wrongly, and the next run draws another image.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../../contract/fixtures/planning_model.ts";
import { parseGenerationRequest } from "../../contract/request/generation_request.ts";
import type { Plan } from "../../contract/plan/plan.ts";
import { planGeneration } from "../../contract/plan/planning.ts";
import { parseDemos } from "../../client/demo.ts";
import { demoDraft } from "./demo_draft.ts";
import { draftQuery, draftRequest, EMPTY_DRAFT, parseDraftQuery } from "./request_draft.ts";

function planOf(body: unknown): Plan {
  const request = parseGenerationRequest(body);
  assert(request.ok, JSON.stringify(request));
  const plan = planGeneration({ ...request.value, seed: request.value.seed ?? 7 }, planningModel());
  assert(plan.ok, JSON.stringify(plan));
  return plan.value;
}

const REQUESTS = [
  { seed: 0 },
  { seed: 7, cutoff: { a: 0 }, width: 16, guidance_scale: 2.5, negative_prompt: "chair" },
  { seed: 7, num_inference_steps: 33, cutoff: { guided_steps: 11 } },
  {
    seed: 7,
    num_inference_steps: 7,
    cutoff: { guided_from: 1, guided_steps: 3, head: "cond", tail: "delta" },
  },
  { seed: 7, cutoff: { auto: {}, tail: "cond" } },
  { seed: 7, cutoff: { auto: { max_steps: 9 }, guided_from: 3 } },
  { seed: 7, eos_swap: { prompt: "a chair" } },
  {
    seed: 7,
    num_inference_steps: 33,
    eos_swap: { prompt: "a chair", from: 1, to: 23, scope: "first", align: "absolute" },
  },
  { seed: 7, token_states: { sos: "zeros", semantic: "eos", eos: "noise" }, semantic_repeats: 2 },
];

Deno.test("demoDraft() asks for the demo's image, also over its link and on any defaults", () => {
  const seen = new Set<string>();
  for (const request of REQUESTS) {
    const plan = planOf({ model: "fixture", prompt: "a blue bird", ...request });
    seen.add(plan.id);
    for (const manifest of [MANIFEST, null]) {
      const draft = demoDraft(plan, manifest);
      assert.equal(planOf(draftRequest(draft, MANIFEST)).id, plan.id, JSON.stringify(request));
      const linked = parseDraftQuery(draftQuery(draft));
      assert.equal(planOf(draftRequest(linked, MANIFEST)).id, plan.id, JSON.stringify(request));
    }
  }
  assert.equal(seen.size, REQUESTS.length, "all differ");
});

Deno.test("demoDraft() leaves the model's own numbers to the model", () => {
  const plan = planOf({ model: "fixture", prompt: "a bird", seed: 7 });
  assert.deepEqual(demoDraft(plan, MANIFEST), {
    ...EMPTY_DRAFT,
    model: "fixture",
    prompt: "a bird",
    seed: "7",
  });
});

Deno.test("parseDemos() leaves out what is no demo of this service", () => {
  const demo = {
    slug: "bird",
    title: "A bird",
    plan: planOf({ model: "fixture", prompt: "a bird" }),
    image: { url: "/v1/images/1.png" },
    links: { events: "/v1/generations/1/events" },
  };
  const others = [
    null,
    { ...demo, title: 7 },
    { ...demo, plan: {} },
    { ...demo, plan: { id: demo.plan.id } },
    { ...demo, image: null },
    { ...demo, image: { url: "//elsewhere/1.png" } },
    { ...demo, links: { events: "https://elsewhere/v1/" } },
  ];
  assert.deepEqual(parseDemos({ demos: [...others, demo] }), [demo]);
  assert.deepEqual(parseDemos({}), []);
});
