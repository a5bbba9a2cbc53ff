/** The back end of this process, or of this isolate on workerd. */
import { type BackendPorts, createBackend } from "../backends/backend.ts";
import type { GpuBackend } from "../backends/gpu_backend.ts";
import type { EdgeSettings } from "../settings.ts";
import { logToConsole } from "./console_log.ts";

export const BACKEND_PORTS: BackendPorts = {
  now: () => Date.now(),
  newId: () => crypto.randomUUID(),
  log: logToConsole,
};

// It keeps only numbers and names: on workerd, a request must not wait for another's I/O.
let shared: { readonly settings: string; readonly backend: GpuBackend } | null = null;

/** Shares one among an isolate's rooms: each learns which GPU functions failed for others. */
export function backendOfIsolate(settings: EdgeSettings): GpuBackend {
  const text = JSON.stringify([
    settings.gpuUrls,
    settings.backend,
    settings.policy.withholdsFlagged,
  ]);
  if (shared?.settings !== text) {
    shared = { settings: text, backend: createBackend(settings, BACKEND_PORTS) };
  }
  return shared.backend;
}
