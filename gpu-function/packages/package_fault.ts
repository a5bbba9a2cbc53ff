/** Why a package cannot be read, in one sentence. Pure. */

/**
 * A file system's error names its file in some cases only, and never in a sentence.
 * @param file is named where the error names none
 */
export function packageFault(file: string, error: Error): string {
  if (error instanceof RangeError) return error.message;
  if (!("code" in error) || typeof error.code !== "string") return `${file}: ${error.message}`;
  const path = "path" in error && typeof error.path === "string" ? error.path : file;
  return `${path} cannot be read (${error.code})`;
}
