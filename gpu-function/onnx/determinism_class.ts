/**
 * What decides a run's last bits beside its plan. GPU functions of one class give the same bytes under one
 * content key; of different classes, the same picture. Pure.
 */

import config from "../../deno.json" with { type: "json" };

/** The version that is installed, as npm writes it. */
export const ONNXRUNTIME = config.imports["onnxruntime-node"];

export interface DeterminismSettings {
  /** The execution provider, as onnxruntime-node names it. */
  readonly provider: string;
  readonly mapped: boolean;
  readonly exact: boolean;
  /** As npm writes it, `npm:onnxruntime-node@1.30.0`. */
  readonly onnxruntime: string;
  /** Of the processor, such as `x86_64`. */
  readonly architecture: string;
}

/**
 * For example `cpu packed exact onnxruntime-node@1.30.0 x86_64`. The number of threads is not in it: on a
 * CPU it changes no bit. Instruction sets are not either, since nothing here knows which one a kernel takes.
 */
export function determinismClass(
  { provider, mapped, exact, onnxruntime, architecture }: DeterminismSettings,
): string {
  const [weights, batching] = [mapped ? "mapped" : "packed", exact ? "exact" : "fast"];
  return [provider, weights, batching, onnxruntime.replace(/^npm:/, ""), architecture].join(" ");
}

/** Whether the same plan gives the same bytes whatever else runs: that is proven for CPUs alone. */
export function isBitwise({ provider, exact }: DeterminismSettings): boolean {
  return provider === "cpu" && exact;
}
