/** The flags of a sweep are those of a generation, with one of them as a list. */
import { parseSweepRequest, ProblemError, type SweepRequest } from "../../contract/mod.ts";
import { parseCommandLine } from "./request_flags.ts";
import { UsageError } from "./command_line.ts";

export const SWEEP_HELP = `
What is varied, exactly one of them, 2 to 16 settings separated by commas:
  --a <0,5,10>            the paper's a, counted from the end
  --guided-steps <50,45>  the same as numbers of guided steps
  --tail <null,cond>      after the cutoff that --cutoff, --a or --guided-steps gives
  --eos-window <0-25,25-50>  steps between which [EOS] is that of --eos-swap`;

export interface SweepCommandLine {
  /** Null when help was asked for. */
  readonly sweep: SweepRequest | null;
  readonly values: Readonly<Record<string, unknown>>;
}

const OWN = {
  out: { type: "string" },
  images: { type: "string" },
  threads: { type: "string" },
} as const;

/**
 * @throws UsageError for a flag that is unknown or incomplete
 * @throws ProblemError for a sweep that is not valid
 */
export function parseSweepCommandLine(args: readonly string[]): SweepCommandLine {
  if (args.includes("--help") || args.includes("-h")) return { sweep: null, values: {} };
  const lists = ["a", "guided-steps", "tail", "eos-window"].flatMap((flag) => {
    const text = valueOf(args, flag);
    return text === null || (flag !== "eos-window" && !text.includes(",")) ? [] : [{ flag, text }];
  });
  const [list] = lists;
  if (!list || lists.length > 1) {
    const given = lists.map(({ flag }) => `--${flag}`).join(" and ") || "none";
    throw new UsageError(`Give exactly one list of settings, given ${given}; see --help`);
  }
  const { request, values } = parseCommandLine(withoutPreviews(without(args, list.flag)), OWN);
  if (!request) return { sweep: null, values };
  const parsed = parseSweepRequest({ base: request, ...settingsOf(list) });
  if (!parsed.ok) throw new ProblemError(parsed.problem);
  return { sweep: parsed.value, values };
}

/** The sheet shows only images, so previews would cost time and be seen by nobody. */
function withoutPreviews(args: readonly string[]): string[] {
  return args.some((arg) => arg.startsWith("--preview-every"))
    ? [...args]
    : [...args, "--preview-every", "0"];
}

function settingsOf({ flag, text }: { readonly flag: string; readonly text: string }) {
  const items = text.split(",").map((item) => item.trim());
  if (flag === "a") return { cutoffs: items.map((item) => ({ a: toNumber(flag, item) })) };
  if (flag === "guided-steps") {
    return { cutoffs: items.map((item) => ({ guided_steps: toNumber(flag, item) })) };
  }
  if (flag === "tail") return { tails: items };
  return {
    eos_windows: items.map((item) => {
      const [from, to, ...more] = item.split("-");
      if (from === undefined || to === undefined || more.length > 0) {
        throw new UsageError(`--eos-window takes windows such as 0-25, given ${item}; see --help`);
      }
      return { from: toNumber(flag, from), to: toNumber(flag, to) };
    }),
  };
}

function toNumber(flag: string, text: string): number {
  const number = text === "" ? NaN : Number(text);
  if (Number.isFinite(number)) return number;
  throw new UsageError(`--${flag} takes numbers, given ${JSON.stringify(text)}; see --help`);
}

/** Reads `--flag value` or `--flag=value`. */
function valueOf(args: readonly string[], flag: string): string | null {
  const at = args.findIndex((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
  const arg = args[at];
  if (arg === undefined) return null;
  return arg.includes("=") ? arg.slice(arg.indexOf("=") + 1) : args[at + 1] ?? "";
}

function without(args: readonly string[], flag: string): string[] {
  const at = args.findIndex((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
  return args.toSpliced(at, args[at]?.includes("=") ? 1 : 2);
}
