/** Writes all of a file or nothing, so that an interrupted command leaves no half file. */
import { rename, rm, writeFile } from "node:fs/promises";

/** Writes a file beside the target, then renames it. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${Deno.pid}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
