/** What the edge answers in JSON, as JSON Schemas. Answers may grow: unknown fields are no error. */
import * as v from "valibot";
import {
  DEMO_PLAN_FIELDS,
  ERROR_TABLE,
  generationEventSchema,
  HEADS,
  INSIGHTS,
  modelManifestSchema,
  STATE_REPLACEMENTS,
  SWEEP_AXES,
  sweepEventSchema,
  TAILS,
} from "../../contract/mod.ts";
import { type Schema, schemaOf } from "./request_schemas.ts";

export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const key = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const path = v.pipe(v.string(), v.startsWith("/v1/"));

const issue = v.object({
  field: v.string(),
  message: v.string(),
  allowed: v.string(),
  given: v.string(),
});

const problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.pipe(count, v.minValue(400), v.maxValue(599)),
  detail: v.string(),
  code: v.picklist(Object.keys(ERROR_TABLE)),
  retryable: v.boolean(),
  errors: v.optional(v.array(issue)),
  request_id: v.optional(v.string()),
});

const token = {
  position: count,
  id: count,
  token: v.string(),
  class: v.picklist(["sos", "semantic", "eos", "padding"]),
  unknown: v.boolean(),
};

const replacement = v.nullable(v.picklist(STATE_REPLACEMENTS));

const plan = {
  id: key,
  model: v.string(),
  model_digest: key,
  engine_version: v.string(),
  prompt: v.string(),
  negative_prompt: v.string(),
  seed: count,
  width: count,
  height: count,
  num_inference_steps: count,
  guidance_scale: v.number(),
  sampler: v.string(),
  output_format: v.picklist(["png", "webp"]),
  cutoff: v.object({
    guided_from: count,
    guided_steps: count,
    guided_fraction: v.number(),
    a: count,
    head: v.picklist(HEADS),
    tail: v.picklist(TAILS),
    auto: v.nullable(v.object({ tolerance: v.number(), min_steps: count })),
  }),
  eos_swap: v.nullable(v.object({ prompt: v.string(), from: count, to: count })),
  token_states: v.nullable(
    v.object({ sos: replacement, semantic: replacement, eos: replacement }),
  ),
  semantic_repeats: count,
  previews: v.object({
    every: count,
    method: v.picklist(["projection", "vae"]),
    steps: v.array(count),
  }),
  insights: v.object({ names: v.array(v.picklist(INSIGHTS)) }),
  phases: v.array(
    v.object({
      from: count,
      to: count,
      conditioning: v.picklist(["guided", ...TAILS]),
      eos_swapped: v.boolean(),
      rows: v.picklist([1, 2]),
    }),
  ),
  evaluations: v.object({ planned: count, full: count, saved: v.number() }),
  tokens: v.object({
    prompt: v.array(v.object({ ...token, swap_source: v.nullable(count), state: v.string() })),
    eos_swap: v.nullable(v.array(v.object(token))),
  }),
};

export const spent = v.object({
  planned: count,
  spent: count,
  shared: count,
  full: count,
  saved: v.number(),
});

const image = v.object({
  url: path,
  media_type: v.picklist(["image/png", "image/webp"]),
  width: count,
  height: count,
  bytes: count,
  sha256: key,
});

const generation = {
  id: key,
  status: v.picklist(["running", "succeeded", "failed", "canceled"]),
  plan: v.object(plan),
  seed: count,
  evaluations: spent,
  timings: v.nullable(v.object({ total_ms: v.number(), inference_ms: v.number() })),
  determinism: v.nullable(v.picklist(["bitwise", "visual"])),
  cached: v.boolean(),
  image: v.nullable(v.object({
    url: path,
    media_type: v.picklist(["image/png", "image/webp"]),
    width: count,
    height: count,
    bytes: count,
    sha256: key,
    safety: v.nullable(v.object({ flagged: v.boolean() })),
  })),
  failure: v.nullable(problem),
  links: v.object({ self: path, events: path }),
};

const sweep = v.object({
  id: key,
  status: generation.status,
  axis: v.picklist(SWEEP_AXES),
  branches: v.array(
    v.object({ ...generation, label: v.string(), same_as: v.nullable(count) }),
  ),
  evaluations: spent,
  cached: v.boolean(),
  failure: v.nullable(problem),
  links: v.object({ self: path, events: path, sheet: v.nullable(path) }),
});

const demo = v.object({
  slug: v.string(),
  title: v.string(),
  plan: v.pick(v.object(plan), DEMO_PLAN_FIELDS),
  image,
  links: v.object({ generation: path, events: path }),
});

const health = v.object({
  status: v.literal("ok"),
  gpu: v.object({
    status: v.string(),
    functions: v.optional(v.array(v.object({
      status: v.string(),
      circuit: v.picklist(["closed", "open", "half_open"]),
      running: v.optional(v.number()),
      queued: v.optional(v.number()),
    }))),
  }),
  database: v.object({ status: v.picklist(["READY", "UNREACHABLE"]) }),
  models: v.array(v.string()),
});

const usage = v.object({
  account: v.string(),
  limits: v.object({
    requests_per_minute: count,
    evaluations_per_minute: count,
    concurrent_generations: count,
  }),
  days: v.array(v.object({
    day: v.string(),
    requests: count,
    generations: count,
    hits: count,
    refused: count,
    evaluations: count,
  })),
});

/** By the names that the operations refer to. */
export function responseSchemas(): Readonly<Record<string, Schema>> {
  const schemas = {
    Problem: problem,
    Plan: v.object({ ...plan, cached: v.boolean() }),
    Generation: v.object(generation),
    GenerationEvent: generationEventSchema,
    Sweep: sweep,
    SweepEvent: sweepEventSchema,
    ModelManifest: modelManifestSchema,
    Models: v.object({
      models: v.array(modelManifestSchema),
      object: v.literal("list"),
      data: v.array(v.object({ id: v.string(), object: v.literal("model") })),
    }),
    Demos: v.object({ demos: v.array(demo) }),
    Usage: usage,
    WebhookSecrets: v.object({ account: v.string(), secrets: v.array(v.string()) }),
    Health: health,
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema)]),
  );
}
