/** Everything that is refused, and how. */
import assert from "node:assert/strict";
import { LIMITS } from "../../../contract/mod.ts";
import type { Case } from "./case.ts";
import { assertProblem } from "../../support/conformance_client.ts";

interface BadRequest {
  readonly name: string;
  readonly body: unknown;
  readonly status?: number;
  readonly code?: string;
  readonly field: string;
}

const good = { model: "fixture", prompt: "a blue bird" };
const unplannable = { status: 422, code: "unplannable" };

const BAD_REQUESTS: readonly BadRequest[] = [
  { name: "a body that is no object", body: "a blue bird", field: "" },
  { name: "an unknown field", body: { ...good, steps: 5 }, field: "steps" },
  {
    name: "an unknown field of the cutoff",
    body: { ...good, cutoff: { a: 1, b: 2 } },
    field: "cutoff.b",
  },
  {
    name: "a class of tokens there is not",
    body: { ...good, token_states: { padding: "zeros" } },
    field: "token_states.padding",
  },
  {
    name: "a delta tail without guidance",
    body: { ...good, cutoff: { guided_steps: 0, tail: "delta" } },
    ...unplannable,
    field: "cutoff.tail",
  },
  {
    name: "a guidance interval beyond the steps",
    body: { ...good, cutoff: { guided_fraction: 1, guided_from: 1 } },
    ...unplannable,
    field: "cutoff.guided_fraction",
  },
  { name: "no prompt", body: { model: "fixture" }, field: "prompt" },
  { name: "a prompt of the wrong type", body: { ...good, prompt: 7 }, field: "prompt" },
  { name: "an empty prompt", body: { ...good, prompt: "" }, field: "prompt" },
  { name: "a blank prompt", body: { ...good, prompt: "   " }, field: "prompt" },
  {
    name: "a prompt over the characters",
    body: { ...good, prompt: "a ".repeat(LIMITS.promptLength) },
    field: "prompt",
  },
  {
    name: "a prompt over the tokens",
    body: { ...good, prompt: "a blue bird a blue bird a" },
    ...unplannable,
    field: "prompt",
  },
  { name: "a control character", body: { ...good, prompt: "a\u0007bird" }, field: "prompt" },
  {
    name: "a special token spelled out",
    body: { ...good, prompt: "a <|end|>" },
    ...unplannable,
    field: "prompt",
  },
  {
    name: "an unknown model",
    body: { ...good, model: "other" },
    status: 422,
    code: "unknown_model",
    field: "model",
  },
  ...["../x", "stabilityai/sd", "Fixture", "", "модель", "x".repeat(200)].map((model) => ({
    name: `the unknown model ${JSON.stringify(model.slice(0, 20))}`,
    body: { ...good, model },
    status: 422,
    code: "unknown_model",
    field: "model",
  })),
  { name: "an unknown sampler", body: { ...good, sampler: "x" }, ...unplannable, field: "sampler" },
  {
    name: "no steps",
    body: { ...good, num_inference_steps: 0 },
    field: "num_inference_steps",
  },
  {
    name: "too many steps",
    body: { ...good, num_inference_steps: 201 },
    field: "num_inference_steps",
  },
  {
    name: "half a step",
    body: { ...good, num_inference_steps: 2.5 },
    field: "num_inference_steps",
  },
  { name: "guidance too strong", body: { ...good, guidance_scale: 31 }, field: "guidance_scale" },
  { name: "guidance as text", body: { ...good, guidance_scale: "7" }, field: "guidance_scale" },
  { name: "a negative seed", body: { ...good, seed: -1 }, field: "seed" },
  { name: "a seed over 32 bits", body: { ...good, seed: 2 ** 32 }, field: "seed" },
  { name: "a width off the grid", body: { ...good, width: 40 }, ...unplannable, field: "width" },
  {
    name: "a cutoff behind the end",
    body: { ...good, cutoff: { guided_steps: 21 } },
    ...unplannable,
    field: "cutoff.guided_steps",
  },
  {
    name: "a cutoff spelled twice",
    body: { ...good, cutoff: { guided_steps: 5, a: 15 } },
    field: "cutoff",
  },
  {
    name: "a swap window backwards",
    body: { ...good, eos_swap: { prompt: "a chair", from: 5, to: 2 } },
    ...unplannable,
    field: "eos_swap.from",
  },
  { name: "another format", body: { ...good, output_format: "jpg" }, field: "output_format" },
];

const fieldCases: Case[] = BAD_REQUESTS.map(({ name, body, status, code, field }) => ({
  name: `refuses ${name}`,
  async run(client) {
    const puts = client.gpu.puts.length;
    const expected = { status: status ?? 400, code: code ?? "invalid_request", field };
    await assertProblem(await client.post(body), expected);
    await assertProblem(await client.post(body, { path: "/v1/plans" }), expected);
    assert.equal(client.gpu.puts.length, puts);
  },
}));

const json = { "content-type": "application/json" };

interface BadBody {
  readonly name: string;
  readonly init: () => RequestInit;
  readonly status: number;
  readonly code: string;
}

const chunked = (bytes: number) => new Blob([new Uint8Array(bytes).fill(32)]).stream();

const BAD_BODIES: readonly BadBody[] = [
  {
    name: "another content type",
    init: () => ({ body: JSON.stringify(good), headers: { "content-type": "text/plain" } }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "no content type",
    init: () => ({ body: new TextEncoder().encode(JSON.stringify(good)) }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "another charset",
    init: () => ({
      body: JSON.stringify(good),
      headers: { "content-type": "application/json; charset=latin1" },
    }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "a compressed body",
    init: () => ({ body: JSON.stringify(good), headers: { ...json, "content-encoding": "gzip" } }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "malformed JSON",
    init: () => ({ body: '{"prompt":', headers: json }),
    status: 400,
    code: "invalid_json",
  },
  { name: "no body", init: () => ({ headers: json }), status: 400, code: "invalid_json" },
  {
    name: "a body that is not UTF-8",
    init: () => ({ body: new Uint8Array([0x22, 0xff, 0x22]), headers: json }),
    status: 400,
    code: "invalid_json",
  },
  {
    name: "a body of 1 MB",
    init: () => ({ body: JSON.stringify({ prompt: "a".repeat(1_000_000) }), headers: json }),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "a body of 1 MB of unknown length",
    init: () => ({ body: chunked(1_000_000), headers: json }),
    status: 413,
    code: "body_too_large",
  },
];

const bodyCases: Case[] = BAD_BODIES.map(({ name, init, status, code }) => ({
  name: `refuses ${name}`,
  async run(client) {
    for (const path of ["/v1/generations", "/v1/plans"]) {
      const response = await client.request(path, { method: "POST", ...init() });
      await assertProblem(response, { status, code });
    }
  },
}));

const unknown = "e".repeat(64);

const MISSING: readonly (readonly [method: string, path: string])[] = [
  ["GET", `/v1/generations/${unknown}`],
  ["GET", `/v1/generations/${unknown}/events`],
  ["DELETE", `/v1/generations/${unknown}`],
  ["GET", `/v1/images/${unknown}.png`],
  ["GET", "/v1/generations/short"],
  ["GET", `/v1/generations/${"E".repeat(64)}`],
  ["GET", `/v1/generations/${unknown}0`],
  ["GET", `/v1/images/${unknown}.jpg`],
  ["GET", `/v1/images/${unknown}`],
  ["GET", "/v1/models/other"],
  ["GET", "/v1/models/..%2Findex"],
  ["GET", "/v1/nothing"],
];

const missingCases: Case[] = MISSING.map(([method, path]) => ({
  name: `knows no ${method} ${path.replace(/[eE]{64}/, (id) => id.slice(0, 4))}`,
  async run(client) {
    await assertProblem(await client.request(path, { method }), { status: 404, code: "not_found" });
  },
}));

const METHODS: readonly (readonly [method: string, path: string, allow: string])[] = [
  ["GET", "/v1/generations", "POST"],
  ["PUT", "/v1/generations", "POST"],
  ["POST", `/v1/generations/${unknown}`, "DELETE, GET, HEAD"],
  ["POST", `/v1/generations/${unknown}/events`, "GET, HEAD"],
  ["DELETE", `/v1/images/${unknown}.png`, "GET, HEAD"],
  ["GET", "/v1/plans", "POST"],
  ["POST", "/v1/models", "GET, HEAD"],
  ["POST", "/health", "GET, HEAD"],
];

const methodCases: Case[] = METHODS.map(([method, path, allow]) => ({
  name: `refuses ${method} ${path.replace(/e{64}/, "eeee")}, naming what it allows`,
  async run(client) {
    const response = await client.request(path, { method });
    assert.equal(response.headers.get("allow"), allow);
    await assertProblem(response, { status: 405, code: "method_not_allowed" });
  },
}));

export const REFUSAL_CASES: readonly Case[] = [
  ...fieldCases,
  ...bodyCases,
  ...missingCases,
  ...methodCases,
  {
    name: "refuses a cursor that is no event's id",
    async run(client) {
      const headers = { "last-event-id": "twelve" };
      const expected = { status: 400, code: "invalid_request", field: "Last-Event-ID" };
      const path = `/v1/generations/${unknown}/events`;
      await assertProblem(await client.request(path, { headers }), expected);
      await assertProblem(await client.post(good, { headers }), expected);
    },
  },
  {
    name: "names the count and the limit of tokens",
    async run(client) {
      const prompt = "a blue bird a blue bird a";
      const problem = await assertProblem(await client.post({ ...good, prompt }), unplannable);
      assert.match(problem.detail, /at most 8 tokens .* given 9 tokens/);
    },
  },
];
