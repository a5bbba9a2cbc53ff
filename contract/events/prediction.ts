/**
 * The part of Cog's HTTP contract between edge and GPU function: a prediction whose outputs are our
 * generation events. Field names and SSE event names are Cog's (`start`, `output`, `completed`);
 * the `id:` cursor on each message is ours.
 */
import * as v from "valibot";
import { type GenerationEvent, parseGenerationEvent } from "./generation_event.ts";
import type { OwnedRequest } from "../request/generation_request.ts";
import { accept, createProblem, type Parsed, refuse } from "../problem.ts";
import {
  encodeServerSentMessage,
  parseJson,
  type ServerSentMessage,
} from "./server_sent_events.ts";

export type PredictionStatus = "starting" | "processing" | "succeeded" | "failed" | "canceled";

/** Body of `PUT /predictions/{id}`. */
export interface PredictionInput {
  readonly input: OwnedRequest;
}

export interface Prediction {
  readonly id: string;
  readonly status: PredictionStatus;
  readonly output: readonly GenerationEvent[];
  readonly error: string | null;
  readonly metrics: { readonly predict_time?: number };
  readonly created_at: string;
  readonly completed_at: string | null;
}

/** `GET /health-check` always answers 200; the state is in the body. */
export type HealthStatus =
  | "STARTING"
  | "READY"
  | "BUSY"
  | "SETUP_FAILED"
  | "DRAINING";

const outputMessage = v.object({ chunk: v.unknown(), index: v.number() });

const hostedOutput = v.object({
  chunk: v.unknown(),
  index: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** One generation event as a Cog `output` message whose cursor is its index. */
export function encodeOutput(event: GenerationEvent, index: number): string {
  return encodeServerSentMessage(index, "output", { chunk: event, index });
}

/**
 * The event in a message, or null when the message carries none (`start`, `completed`, `log` …).
 */
export function decodeOutput(message: ServerSentMessage): Parsed<GenerationEvent | null> {
  if (message.event !== "output") return accept(null);
  const json = parseJson(message.data);
  const result = v.safeParse(outputMessage, json);
  if (!result.success) {
    return refuse(
      createProblem("upstream_failed", "An output message is not valid JSON of an event"),
    );
  }
  return parseGenerationEvent(result.output.chunk);
}

/** An output from a host that gives messages ids of its own, so that our cursor is in the text. */
export function decodeHostedOutput(text: string): Parsed<{ id: number; event: GenerationEvent }> {
  const result = v.safeParse(hostedOutput, parseJson(text));
  if (!result.success) {
    const detail = "An output of the prediction is not valid JSON of an event with its index";
    return refuse(createProblem("upstream_failed", detail));
  }
  const { chunk, index } = result.output;
  const event = parseGenerationEvent(chunk);
  return event.ok ? accept({ id: index, event: event.value }) : event;
}
