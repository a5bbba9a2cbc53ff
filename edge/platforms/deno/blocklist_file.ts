/** Reads `BLOCKLIST_FILE`, where there are files: its lines join those of `BLOCKLIST`. */
import { type Environment, readText, wrongSetting } from "../../environment.ts";

/** @throws Error that names the variable when the file cannot be read */
export async function withBlocklistFile(environment: Environment): Promise<Environment> {
  const path = readText(environment, "BLOCKLIST_FILE");
  if (path === null) return environment;
  const lines = await Deno.readTextFile(path).catch(() => {
    throw wrongSetting("BLOCKLIST_FILE", "a file that can be read", path);
  });
  const { BLOCKLIST_FILE: _, ...rest } = environment;
  return { ...rest, BLOCKLIST: `${readText(environment, "BLOCKLIST") ?? ""}\n${lines}` };
}
