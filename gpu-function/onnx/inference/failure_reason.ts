/** What onnxruntime says when it fails, as one clear line. Pure. */

/** WebGPU computes in fp16 only where the device has its optional feature `shader-f16`. */
const WITHOUT_HALVES = /requires f16 but the device does not support it/;

/**
 * onnxruntime's first line, without the name of the file and of its own source: a cut file, missing
 * weights, too new an opset, no such GPU.
 */
export function failureReason(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  if (WITHOUT_HALVES.test(line)) {
    return "it computes in fp16, which WebGPU cannot on this device; use an export in float32";
  }
  return line
    .replace(/^Load model from .* failed:\s*/, "")
    .replace(/^\/onnxruntime_src\/.* was false\.\s*/, "")
    .trim();
}
