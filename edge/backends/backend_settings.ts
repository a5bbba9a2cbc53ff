/** The operator's settings for back ends, except the GPU functions' addresses (`GPU_URL`). */
import { readReplicate, type ReplicateSettings } from "./replicate/replicate_settings.ts";
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface BackendSettings {
  /** Signs the calls to the GPU functions; null leaves them unsigned. */
  readonly gpuSecret: string | null;
  /** Whether GPU functions of different determinism classes may draw. */
  readonly mixed: boolean;
  /** Null where the GPU functions draw. */
  readonly replicate: ReplicateSettings | null;
}

export const SECRET_LENGTH_MIN = 16;

/** @throws Error with one sentence that names the variable and what it allows */
export function readBackend(environment: Environment): BackendSettings {
  return {
    gpuSecret: readGpuSecret(environment),
    mixed: readMixed(environment),
    replicate: readReplicate(environment),
  };
}

/** Reads `GPU_MIXED`. */
function readMixed(environment: Environment): boolean {
  const given = readText(environment, "GPU_MIXED");
  if (given === null || given === "refuse") return false;
  if (given === "allow") return true;
  throw wrongSetting("GPU_MIXED", "refuse or allow", given);
}

/** Reads `GPU_SECRET`. The GPU function may accept several during a rotation; the edge has one. */
function readGpuSecret(environment: Environment): string | null {
  const secret = readText(environment, "GPU_SECRET");
  if (secret === null) return null;
  if (secret.length >= SECRET_LENGTH_MIN && !/[\s,]/.test(secret)) return secret;
  const allowed = `one secret of at least ${SECRET_LENGTH_MIN} characters without spaces or commas`;
  // Errors are logged, so this one gives only the length.
  throw wrongSetting("GPU_SECRET", allowed, `${secret.length} characters`);
}
