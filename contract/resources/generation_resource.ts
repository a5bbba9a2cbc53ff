/** A generation as JSON: one shape whether it runs, is stored or has failed. */
import * as v from "valibot";
import { completedEvent } from "../events/generation_event.ts";
import { spentEvaluations } from "../plan/phase.ts";
import { planSchema } from "../plan/plan.ts";
import { problemSchema } from "../problem.ts";
import { count, type DeepReadonly, key } from "../wire_schema.ts";

/** A path of the service. */
export const path = v.pipe(v.string(), v.startsWith("/v1/"));

export const imageResource = v.object({
  url: path,
  media_type: v.picklist(["image/png", "image/webp"]),
  width: count,
  height: count,
  /** The size of the file. */
  bytes: count,
  sha256: key,
  /** The safety checker's verdict; null where none was asked. */
  safety: v.nullable(v.object({ flagged: v.boolean() })),
});

const { timings, determinism } = completedEvent.entries;

export const generationResource = v.object({
  id: key,
  status: v.picklist(["running", "succeeded", "failed", "canceled"]),
  plan: planSchema,
  seed: count,
  /** Rows of the model; `spent` grows while it runs. */
  evaluations: spentEvaluations,
  timings: v.nullable(timings),
  determinism: v.nullable(determinism),
  /** Whether a stored result answered. */
  cached: v.boolean(),
  image: v.nullable(imageResource),
  /** Why it failed. */
  failure: v.nullable(problemSchema),
  links: v.object({ self: path, events: path }),
});

export type ImageResource = DeepReadonly<v.InferOutput<typeof imageResource>>;
export type GenerationResource = DeepReadonly<v.InferOutput<typeof generationResource>>;
