/** Finds the model packages of this machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "./command_line.ts";

/**
 * Returns the folder given, else `MODELS_DIR`, else the one in this repository.
 * @throws UsageError when there is no such folder
 */
export function modelsFolder(given: string | undefined = Deno.env.get("MODELS_DIR")): string {
  const folder = given ?? join(import.meta.dirname ?? ".", "../../gpu-function/models");
  if (existsSync(folder)) return folder;
  throw new UsageError(`The folder of models must exist, given ${JSON.stringify(folder)}`);
}
