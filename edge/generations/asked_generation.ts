/**
 * A generation as a request asks for it: planned for its caller, and followed by the edge for it.
 */
import type { Parsed } from "../../contract/mod.ts";
import { type EdgeContext, onBehalfOf } from "../http/request_context.ts";
import { timePart } from "../http/request_trace.ts";
import type { AnswerPorts } from "./generation_answer.ts";
import { type GenerationStream, openGeneration } from "./generation_stream.ts";
import { type PlanningPorts, planRequest } from "./planning.ts";
import type { PlannedGeneration } from "./run.ts";

/** Plans with the seed of the idempotency key, where the request leaves its seed out. */
export function planAsked(
  ports: PlanningPorts,
  c: EdgeContext,
  input: unknown,
): Promise<Parsed<PlannedGeneration>> {
  return planRequest({ ...ports, drawSeed: c.get("drawSeed") }, input, c.get("caller"));
}

/** Refuses before the first event. @param signal ends the following; the generation goes on */
export function openAsked(
  ports: AnswerPorts,
  c: EdgeContext,
  planned: PlannedGeneration,
  signal: AbortSignal,
): Promise<Parsed<GenerationStream>> {
  return openGeneration(ports, { ...planned, origin: onBehalfOf(c) }, {
    signal,
    // Where one of several is drawn, the request as a whole counts as answered by a room.
    onAnswer: (by) => c.get("answeredBy") === "room" || c.set("answeredBy", by),
    time: (part, work) => timePart(c, part, work),
  });
}
