/** Where the model packages of this machine lie. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "./command_line.ts";

/**
 * The folder of model packages: the one given, `MODELS_DIR`, or that of the repository.
 * @throws UsageError when there is no such folder
 */
export function modelsFolder(given: string | undefined = Deno.env.get("MODELS_DIR")): string {
  const folder = given ?? join(import.meta.dirname ?? ".", "../../gpu-function/models");
  if (existsSync(folder)) return folder;
  throw new UsageError(`The folder of models must exist, given ${JSON.stringify(folder)}`);
}
