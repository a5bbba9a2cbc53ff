/** The state of the edge and of what it needs, as JSON. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

const gpuFunctionHealth = v.object({
  status: v.string(),
  /**
   * `open` while failures keep requests from it, `half_open` while one tests whether it is back.
   */
  circuit: v.picklist(["closed", "open", "half_open"]),
  running: v.optional(v.number()),
  queued: v.optional(v.number()),
  /** GPU functions of one class give the same bytes under one key. */
  determinism_class: v.optional(v.string()),
});

const gpuHealth = v.object({
  /** Cog's status or `UNREACHABLE`, the best one of several functions. */
  status: v.string(),
  /** Each function, in the order of configuration. */
  functions: v.optional(v.array(gpuFunctionHealth)),
});

export const healthResource = v.object({
  status: v.literal("ok"),
  gpu: gpuHealth,
  /** `READ_ONLY` where it answers, but could not take the last result, as on a full disk. */
  database: v.object({ status: v.picklist(["READY", "READ_ONLY", "UNREACHABLE"]) }),
  models: v.array(v.string()),
});

export type GpuFunctionHealth = DeepReadonly<v.InferOutput<typeof gpuFunctionHealth>>;
export type GpuHealth = DeepReadonly<v.InferOutput<typeof gpuHealth>>;
