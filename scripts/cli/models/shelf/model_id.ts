/** The id of a model as a flag gives it. */
import { UsageError } from "../../../command_line/command_line.ts";

/** As `contract/model_manifest.ts` wants it. */
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** @throws UsageError */
export function readId(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string" && ID.test(value)) return value;
  throw new UsageError(
    "--id must be at most 64 lower-case letters, digits, dots, underscores and dashes, " +
      `the first a letter or digit, given ${JSON.stringify(value)}`,
  );
}
