/** Reads the id of a model from a flag. */
import { UsageError } from "../../../command_line/command_line.ts";

/** The rule is that of `contract/model_manifest.ts`. */
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** @throws UsageError */
export function readId(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string" && ID.test(value)) return value;
  throw new UsageError(
    "--id must be at most 64 lower-case letters, digits, dots, underscores and dashes, " +
      `the first a letter or digit, given ${JSON.stringify(value)}`,
  );
}
