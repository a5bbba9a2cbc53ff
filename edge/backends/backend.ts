/** The back end that the settings ask for. */
import { withholdDrawn } from "../policy/withheld_images.ts";
import type { GpuBackend } from "./gpu_backend.ts";
import type { EdgeSettings } from "../settings.ts";
import { type CallPorts, GpuFunction, type GpuFunctionOptions } from "./gpu_function.ts";
import { GpuPool, POOL_DEFAULTS, type PoolPorts } from "./pool.ts";
import { REPLICATE_DEFAULTS, ReplicateBackend } from "./replicate/replicate.ts";
import { ReplicateClient } from "./replicate/replicate_client.ts";

export type BackendPorts = CallPorts & PoolPorts;

export const GPU_FUNCTION_DEFAULTS: Omit<GpuFunctionOptions, "secret"> = {
  healthMs: 2_000,
  circuit: { failuresMax: 3, openMs: 1_000 },
};

/** What a back end depends on. */
export type BackendChoice = Pick<EdgeSettings, "gpuUrls" | "backend" | "policy">;

/** To be made once a process: it remembers which GPU functions fail. */
export function createBackend(settings: BackendChoice, ports: BackendPorts): GpuBackend {
  return withholdDrawn(createDrawing(settings, ports), settings.policy);
}

function createDrawing(
  { gpuUrls, backend: { gpuSecret, replicate } }: BackendChoice,
  ports: BackendPorts,
): GpuBackend {
  if (replicate) {
    const client = new ReplicateClient(replicate, REPLICATE_DEFAULTS.openMs);
    return new ReplicateBackend(client, REPLICATE_DEFAULTS, ports.now);
  }
  const options = { ...GPU_FUNCTION_DEFAULTS, secret: gpuSecret };
  const functions = gpuUrls.map((url) => new GpuFunction(url, options, ports));
  return new GpuPool(functions, POOL_DEFAULTS, ports);
}
