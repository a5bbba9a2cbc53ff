/** All of a file or nothing of it, so that an interrupted command leaves no half file behind. */
import { rename, rm, writeFile } from "node:fs/promises";

/** Written beside, then renamed. */
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
