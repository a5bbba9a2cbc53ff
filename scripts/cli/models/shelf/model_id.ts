/** Reads the id of a model from a flag. */
import { isModelId, MODEL_ID_RULE } from "../../../../contract/mod.ts";
import { UsageError } from "../../../command_line/command_line.ts";

/** @throws UsageError */
export function readId(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string" && isModelId(value)) return value;
  throw new UsageError(`--id must be ${MODEL_ID_RULE}, given ${JSON.stringify(value)}`);
}
