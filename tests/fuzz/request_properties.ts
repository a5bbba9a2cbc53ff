/** What must hold of reading, parsing and planning a request, whatever bytes come. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD_RULES, type Parsed, type Problem } from "../../contract/mod.ts";
import { planningModel } from "../../contract/fixtures/planning_model.ts";
import { readJsonBody } from "../../edge/http/json_body.ts";
import { planImages } from "../../edge/dialects/openai/image_plans.ts";
import { IMAGE_FIELD_RULES, parseImageRequest } from "../../edge/dialects/openai/image_request.ts";
import { planRequest, planSweepRequest } from "../../edge/generations/planning.ts";
import { readPolicySettings } from "../../edge/policy/policy_settings.ts";
import { promptPolicyOf } from "../../edge/policy/prompt_policy.ts";
import type { Property } from "./property.ts";

const model = planningModel();
const ports = {
  models: {
    list: () => Promise.resolve([model.manifest]),
    find: (id: string) => Promise.resolve(id === model.manifest.id ? model : null),
  },
  promptPolicy: promptPolicyOf(readPolicySettings({ BLOCKLIST: "weasel, sly fox, otter*" })),
  drawSeed: () => 7,
};

const CALLER = { account: "key_0123456789abcdef", keyed: true };

/** Problems are answered, stored and logged, so each stays far smaller than the largest body. */
const PROBLEM_LENGTH_MAX = 32 * 1024;
const REFUSALS: readonly Problem["code"][] = [
  "invalid_json",
  "invalid_request",
  "unsupported_media_type",
  "body_too_large",
  "unknown_model",
  "unplannable",
  "prompt_refused",
];

/** Each thing that a body may ask for, with its parser. */
const PLANNING = {
  generation: (input: unknown) => planRequest(ports, input, CALLER),
  sweep: (input: unknown) => planSweepRequest(ports, input, CALLER),
  images: async (input: unknown) => {
    const asked = parseImageRequest(input);
    return asked.ok ? await planImages(asked.value, PLANNING.generation) : asked;
  },
};

type Asked = keyof typeof PLANNING;

export async function answerBody(bytes: Uint8Array<ArrayBuffer>, asked: Asked): Promise<void> {
  const request = new Request("http://edge/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: bytes,
  });
  const body = await readJsonBody(request);
  const planned: Parsed<unknown> = body.ok ? await PLANNING[asked](body.value) : body;
  if (planned.ok) return;
  assert(REFUSALS.includes(planned.problem.code), planned.problem.code);
  assert(planned.problem.detail.length > 0);
  const { length } = JSON.stringify(planned.problem);
  assert(length <= PROBLEM_LENGTH_MAX, `a problem of ${length} characters`);
}

const GOOD = {
  model: "fixture",
  prompt: "a blue bird",
  negative_prompt: "a chair",
  seed: 7,
  width: 48,
  height: 32,
  num_inference_steps: 20,
  guidance_scale: 7.5,
  sampler: "ddim",
  cutoff: { guided_steps: 5, tail: "cond" },
  eos_swap: { prompt: "a brown bird", from: 1, to: 3 },
  token_states: { eos: "zeros" },
  semantic_repeats: 2,
  previews: { every: 1, method: "vae" },
  insights: ["attention"],
  insight_options: { low_fraction: 0.1 },
  output_format: "webp",
};
const SWEEP = {
  base: GOOD,
  cutoffs: ["auto", { a: 1 }],
};

/** Values to put where they do not belong: usual, extreme and deep ones. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    ...["", "\u0000", "\ud800", "\u202e", "weasel", "__proto__", "a".repeat(5_000)],
    ...[-1, 0.5, 1e308, -0, 2 ** 53, null, true, [], {}, [[]], { a: {} }],
    ...[{ a: 1, guided_steps: 1 }, { auto: {} }, ["attention", "attention"]],
  ),
);

const IMAGES = {
  ...{ model: "fixture", prompt: "a blue bird", seed: 7, sampler: "ddim", cutoff: { a: 3 } },
  ...{ n: 2, size: "32x48", quality: "auto", output_format: "webp", partial_images: 0 },
};

const fieldOf = (rules: object) =>
  fc.constantFrom(...Object.keys(rules).filter(Boolean), "constructor", "toString");

/** A good request with a value put at a path. */
function place(request: object, path: string, value: unknown): object {
  const [name = "", ...rest] = path.replace(".*", "").split(".");
  const inner = Reflect.get(request, name);
  const next = rest.length > 0
    ? place(typeof inner === "object" && inner ? inner : {}, rest.join("."), value)
    : value;
  return Object.fromEntries([...Object.entries(request), [name, next]]);
}

const changed = (good: object, rules: object) =>
  fc.array(fc.tuple(fieldOf(rules), anything), { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce<object>((request, [path, value]) => place(request, path, value), good)
  );
const changedRequest = changed(GOOD, FIELD_RULES);

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value) ?? "");

function property(
  name: string,
  body: fc.Arbitrary<Uint8Array<ArrayBuffer>>,
  asked: Asked,
): Property {
  return {
    name,
    check: (parameters) =>
      fc.assert(fc.asyncProperty(body, (bytes) => answerBody(bytes, asked)), parameters),
  };
}

/** A value's JSON with some bytes overwritten, taken out or doubled. */
function damaged(value: unknown): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const bytes = bytesOf(value);
  const damage = fc.record({
    at: fc.nat(bytes.length),
    taken: fc.nat(4),
    put: fc.uint8Array({ maxLength: 4 }),
  });
  return fc.array(damage, { minLength: 1, maxLength: 4 }).map((damages) => {
    let given = [...bytes];
    for (const { at, taken, put } of damages) {
      given = [...given.slice(0, at), ...put, ...given.slice(at + taken)];
    }
    return new Uint8Array(given);
  });
}

export const REQUEST_PROPERTIES: readonly Property[] = [
  property(
    "bytes at random are refused in one sentence",
    fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)),
    "generation",
  ),
  property("a damaged request is planned or refused", damaged(GOOD), "generation"),
  property("a damaged sweep is planned or refused", damaged(SWEEP), "sweep"),
  property("values out of place are planned or refused", changedRequest.map(bytesOf), "generation"),
  property(
    "a sweep of values out of place is planned or refused",
    fc.tuple(
      changedRequest,
      fc.array(anything, { maxLength: 17 }),
      fc.constantFrom("cutoffs", "tails", "eos_windows"),
    )
      .map(([base, settings, axis]) => bytesOf({ base, [axis]: settings })),
    "sweep",
  ),
  property("a damaged image request is planned or refused", damaged(IMAGES), "images"),
  property(
    "an image request of values out of place is planned or refused",
    changed(IMAGES, { ...FIELD_RULES, ...IMAGE_FIELD_RULES }).map(bytesOf),
    "images",
  ),
];
