/** Makes the back end that the settings ask for. */
import type { Withholding } from "../policy/withheld_images.ts";
import type { BackendSettings } from "./backend_settings.ts";
import type { GpuBackend } from "./gpu_backend.ts";
import { type CallPorts, GpuFunction, type GpuFunctionOptions } from "./gpu_function.ts";
import { GpuPool, POOL_DEFAULTS, type PoolPorts } from "./pool.ts";
import { REPLICATE_DEFAULTS, ReplicateBackend } from "./replicate/replicate.ts";
import { ReplicateClient } from "./replicate/replicate_client.ts";
import { withholdDrawn } from "./withheld_runs.ts";

export type BackendPorts = CallPorts & PoolPorts;

export const GPU_FUNCTION_DEFAULTS: Omit<GpuFunctionOptions, "secret"> = {
  healthMs: 2_000,
  // Three missed heartbeats.
  heardMs: 30_000,
  circuit: { failuresMax: 3, openMs: 1_000 },
};

/** The settings that a back end depends on. */
export interface BackendChoice {
  /** Base URLs of the GPU functions, at least one. */
  readonly gpuUrls: readonly string[];
  readonly backend: BackendSettings;
  readonly policy: Withholding;
}

/** Called once per process, since the back end remembers which GPU functions fail. */
export function createBackend(settings: BackendChoice, ports: BackendPorts): GpuBackend {
  return withholdDrawn(createDrawing(settings, ports), settings.policy);
}

function createDrawing(
  { gpuUrls, backend: { gpuSecret, mixed, replicate } }: BackendChoice,
  ports: BackendPorts,
): GpuBackend {
  if (replicate) {
    const client = new ReplicateClient(replicate, REPLICATE_DEFAULTS.openMs);
    return new ReplicateBackend(client, REPLICATE_DEFAULTS, ports.now);
  }
  const options = { ...GPU_FUNCTION_DEFAULTS, secret: gpuSecret };
  const functions = gpuUrls.map((url) => new GpuFunction(url, options, ports));
  return new GpuPool(functions, { ...POOL_DEFAULTS, mixed }, ports);
}
