/** Every operation of the API. A test holds this table against the app's routes. */
import type { ErrorCode } from "../../contract/mod.ts";
import type { Answer, Operation } from "./operation.ts";

const json = (schema: string, description: string, status = 200): Answer => ({
  status,
  description,
  content: { "application/json": schema },
});

const NOTHING_MORE: Answer = {
  status: 204,
  description: "It has ended, and the cursor is its end",
};

const events = (schema: string): Answer[] => [
  {
    status: 200,
    description: "The events, from the start or behind the cursor, to the terminal one",
    content: { "text/event-stream": schema },
  },
  NOTHING_MORE,
];

const submitted = (resource: string): Answer[] => [
  {
    status: 200,
    description: "The events as they happen where the client accepts `text/event-stream`, " +
      "else JSON after the end",
    content: { "application/json": resource, "text/event-stream": `${resource}Event` },
    headers: ["Location"],
  },
  NOTHING_MORE,
];

const BODY: readonly ErrorCode[] = [
  "invalid_json",
  "invalid_request",
  "unsupported_media_type",
  "body_too_large",
  "unknown_model",
  "unplannable",
  "prompt_refused",
];
const RUN: readonly ErrorCode[] = [
  ...BODY,
  "image_refused",
  "idempotency_mismatch",
  "conflict",
  "at_capacity",
  "gpu_unavailable",
  "storage_unavailable",
  "upstream_failed",
  "model_mismatch",
  "model_unavailable",
];
const LOOK: readonly ErrorCode[] = ["not_found", "storage_unavailable"];

const CURSOR = ["Last-Event-ID", "last_event_id", "lastEventId", "Last-Event-ID?"] as const;

/** A generation and a sweep are asked for, followed and canceled alike. */
function resourceOperations(name: "generation" | "sweep"): Operation[] {
  const resource = name === "generation" ? "Generation" : "Sweep";
  const path = `/v1/${name}s`;
  const reading = name === "generation" ? [...CURSOR, "pace"] as const : CURSOR;
  return [
    {
      method: "post",
      path,
      id: `create${resource}`,
      summary: `Asks for a ${name}; an equal one is joined or answered from the cache`,
      parameters: [...reading, "Idempotency-Key"],
      body: `${resource}Request`,
      answers: submitted(resource),
      errors: RUN,
    },
    {
      method: "get",
      path: `${path}/{id}`,
      id: `show${resource}`,
      summary: `The ${name} as it stands`,
      answers: [json(resource, `The ${name}`)],
      errors: LOOK,
    },
    {
      method: "delete",
      path: `${path}/{id}`,
      id: `cancel${resource}`,
      summary: `Cancels a running ${name} for all who read it`,
      answers: [
        json(resource, "It had failed, or was canceled"),
        json(resource, "It is being canceled", 202),
      ],
      errors: [...LOOK, "conflict", "gpu_unavailable"],
    },
    {
      method: "get",
      path: `${path}/{id}/events`,
      id: `follow${resource}`,
      summary: `The events of a ${name}`,
      parameters: reading,
      answers: events(`${resource}Event`),
      errors: [...LOOK, "invalid_request", "conflict"],
    },
  ];
}

export const OPERATIONS: readonly Operation[] = [
  ...resourceOperations("generation"),
  ...resourceOperations("sweep"),
  {
    method: "get",
    path: "/v1/sweeps/{id}/sheet.svg",
    id: "showSheet",
    summary: "The contact sheet of a sweep that has ended",
    answers: [{
      status: 200,
      description: "The images, labelled, in one picture",
      content: { "image/svg+xml": "binary" },
    }],
    errors: LOOK,
  },
  {
    method: "get",
    path: "/v1/images/{file}",
    id: "showImage",
    summary: "A finished image, which never changes",
    parameters: ["If-None-Match", "Range", "If-Range"],
    answers: [
      {
        status: 200,
        description: "The image",
        content: { "image/png": "binary", "image/webp": "binary" },
        headers: ["ETag", "Cache-Control"],
      },
      {
        status: 206,
        description: "The part asked for",
        content: { "image/png": "binary", "image/webp": "binary" },
        headers: ["ETag", "Content-Range"],
      },
      { status: 304, description: "The client has it", headers: ["ETag"] },
    ],
    errors: [...LOOK, "range_not_satisfiable"],
  },
  {
    method: "post",
    path: "/v1/images/generations",
    id: "createImages",
    summary: "Generations as OpenAI's clients ask for them, and are answered",
    parameters: ["Idempotency-Key"],
    body: "OpenAiImageRequest",
    answers: [{
      status: 200,
      description: "The events as they happen where `stream` is true, else JSON after the end",
      content: { "application/json": "OpenAiImages", "text/event-stream": "OpenAiImageEvent" },
      headers: ["Location"],
    }],
    errors: RUN,
    dialect: "openai",
  },
  {
    method: "get",
    path: "/v1/demos",
    id: "listDemos",
    summary: "Curated results, there at once",
    answers: [json("Demos", "The demos in their order")],
    errors: ["storage_unavailable"],
  },
  {
    method: "post",
    path: "/v1/plans",
    id: "planGeneration",
    summary: "What a generation would do and cost, without doing it",
    body: "GenerationRequest",
    answers: [json("Plan", "The plan, and whether its result is there already")],
    errors: BODY,
  },
  {
    method: "get",
    path: "/v1/models",
    id: "listModels",
    summary: "The installed models",
    answers: [json("Models", "Their manifests")],
    errors: [],
  },
  {
    method: "get",
    path: "/v1/models/{id}",
    id: "showModel",
    summary: "One installed model",
    answers: [json("ModelManifest", "Its manifest")],
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/v1/openapi.json",
    id: "describeApi",
    summary: "This document",
    answers: [{
      status: 200,
      description: "OpenAPI 3.1",
      content: { "application/json": "binary" },
    }],
    errors: [],
  },
  {
    method: "get",
    path: "/v1/usage",
    id: "showUsage",
    summary: "What the account of the API key has used, and what it may",
    answers: [json("Usage", "Its limits, and counts of up to 31 days, the newest first")],
    errors: ["storage_unavailable"],
  },
  {
    method: "get",
    path: "/v1/webhook-secrets",
    id: "showWebhookSecrets",
    summary: "What the webhooks of the API key's account are signed with",
    answers: [json("WebhookSecrets", "Its secrets, one for each of the service's")],
    errors: [],
  },
  {
    method: "get",
    path: "/health",
    id: "checkHealth",
    summary: "The state of the edge and of what it needs; 200 as long as the edge runs",
    answers: [json("Health", "The state of each part")],
    errors: [],
  },
  {
    method: "get",
    path: "/metrics",
    id: "readMetrics",
    summary: "Counters of the edge for its operator, where it is one process (on Deno)",
    answers: [{
      status: 200,
      description: "As Prometheus reads them",
      content: { "text/plain": "binary" },
    }],
    errors: [],
  },
];
