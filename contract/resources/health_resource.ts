/** The state of the edge and of what it needs, as JSON. */
import * as v from "valibot";
import type { DeepReadonly } from "../wire_schema.ts";

const gpuFunctionHealth = v.object({
  status: v.string(),
  /** `open` while it is left alone after failures, `half_open` while it is asked whether it is back. */
  circuit: v.picklist(["closed", "open", "half_open"]),
  running: v.optional(v.number()),
  queued: v.optional(v.number()),
});

const gpuHealth = v.object({
  /** Cog's status, or `UNREACHABLE`; of several the best. */
  status: v.string(),
  /** Each, in the order in which they were set up. */
  functions: v.optional(v.array(gpuFunctionHealth)),
});

export const healthResource = v.object({
  status: v.literal("ok"),
  gpu: gpuHealth,
  database: v.object({ status: v.picklist(["READY", "UNREACHABLE"]) }),
  models: v.array(v.string()),
});

export type GpuFunctionHealth = DeepReadonly<v.InferOutput<typeof gpuFunctionHealth>>;
export type GpuHealth = DeepReadonly<v.InferOutput<typeof gpuHealth>>;
