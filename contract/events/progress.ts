/**
 * What a run is doing right now, sent between its events while nothing else is to be said. It belongs to
 * the moment, so it has no id and stands in no log.
 */
import * as v from "valibot";
import { parseAs, type Parsed } from "../problem.ts";
import { count } from "../wire_schema.ts";

/**
 * `queued`: other runs have all places. `loading`: the model's graphs are read into memory. `encoding`:
 * the texts are. `denoising`: rows are evaluated. `decoding`: the image is made of the latents.
 */
export const ACTIVITIES = ["queued", "loading", "encoding", "denoising", "decoding"] as const;
export type Activity = typeof ACTIVITIES[number];

/** As a server-sent message: its `event:` and the `type` in its data. */
export const PROGRESS = "generation.progress";

const milliseconds = v.pipe(v.number(), v.minValue(0));

export const progressSchema = v.object({
  type: v.literal(PROGRESS),
  activity: v.picklist(ACTIVITIES),
  /** Rows of the plan that are done, whoever evaluated them. */
  rows_done: count,
  rows_planned: count,
  /** Milliseconds from row to row, measured in this run; null before its first step. */
  row_ms: v.nullable(milliseconds),
  /** Milliseconds since the GPU function accepted the run. */
  elapsed_ms: milliseconds,
  /** What the rows left will take at that pace, in milliseconds; null where it is not known. */
  remaining_ms: v.nullable(milliseconds),
  /** Milliseconds since anything went on: in this run, or in any while this one is queued. */
  still_ms: milliseconds,
});

export type Progress = v.InferOutput<typeof progressSchema>;

/** Checks what came from another program. */
export function parseProgress(input: unknown): Parsed<Progress> {
  return parseAs(progressSchema, input, "Progress");
}
