/** Reads the flags of the experiments: strings on the command line, checked one by one. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UsageError } from "../../command_line/command_line.ts";

export type FlagValues = Readonly<Record<string, string | undefined>>;

/**
 * Returns null when help was asked for.
 * @throws UsageError with one sentence for an unknown or incomplete flag, or another argument
 */
export function parseLabFlags(
  args: readonly string[],
  names: readonly string[],
): FlagValues | null {
  const options: ParseArgsOptionsConfig = { help: { type: "boolean", short: "h" } };
  for (const name of names) options[name] = { type: "string" };
  try {
    const { help, ...values } = parseArgs({ args: [...args], options }).values;
    return help ? null : values as FlagValues;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [sentence] = error.message.split(". To specify");
    throw new UsageError(`${sentence}; see --help`, { cause: error });
  }
}

/** @throws UsageError unless the flag is an integer from `min` to `max` */
export function integerFlag(
  flag: string,
  given: string | undefined,
  { standard, min, max }: { readonly standard: number; readonly min: number; readonly max: number },
): number {
  if (given === undefined) return standard;
  const number = given.trim() === "" ? NaN : Number(given);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new UsageError(
    `--${flag} must be an integer from ${min} to ${max}, given ${JSON.stringify(given)}`,
  );
}
