/** The salt for hashes of addresses on Deno: drawn once, kept beside the database and not in it. */
import { drawSalt } from "../random.ts";

/** @param dataDir a folder that exists */
export async function readSaltFile(dataDir: string): Promise<string> {
  const path = `${dataDir}/address_salt`;
  try {
    await Deno.writeTextFile(path, drawSalt(), { createNew: true, mode: 0o600 });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
  }
  return await Deno.readTextFile(path);
}
