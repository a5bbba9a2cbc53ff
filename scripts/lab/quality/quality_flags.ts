/** Reads the command line of `deno task lab quality`. */
import { isAbsolute, join } from "node:path";
import { ROOT } from "../../checkout.ts";
import { integerFlag, parseLabFlags } from "../laboratory/lab_flags.ts";

export const QUALITY_HELP = `Usage: deno task lab quality [flags]
Draws the fixed prompts of scripts/training/train/prompts.json, judges the images and writes a report with grids.
Images drawn once are kept in .data/lab/<digest>/ and not drawn again.
  --model <id>           model package, default mini
  --seeds <n>            images per prompt, seeds 0 to n - 1, default 4
  --threads <n>          inside one operator, default all; 1 is better beside other work
  --limit <n>            only the first n prompts of each kind, for a quick look
  --out <folder>         default docs/lab/<model>, with --limit .data/lab/<model>-limited
  --scorers <folder>     default scripts/lab/scorers/<model>
  --references <folder>  default scripts/lab/references/<model>`;

export interface QualityOptions {
  readonly model: string;
  readonly seeds: number;
  /** Threads inside one operator; 0 leaves the number to onnxruntime. */
  readonly threads: number;
  /** Number of prompts to draw per kind; null draws all. */
  readonly limit: number | null;
  /** Absolute path, like the other folders. */
  readonly out: string;
  readonly scorers: string;
  readonly references: string;
}

/**
 * Returns null when help was asked for.
 * @throws UsageError with one sentence that says what is wrong
 */
export function parseQualityFlags(args: readonly string[]): QualityOptions | null {
  const names = ["model", "seeds", "threads", "limit", "out", "scorers", "references"];
  const flags = parseLabFlags(args, names);
  if (flags === null) return null;
  const model = flags["model"] ?? "mini";
  const limit = integerFlag("limit", flags["limit"], { standard: 0, min: 1, max: 1000 });
  const out = limit > 0 ? `.data/lab/${model}-limited` : `docs/lab/${model}`;
  return {
    model,
    seeds: integerFlag("seeds", flags["seeds"], { standard: 4, min: 1, max: 64 }),
    threads: integerFlag("threads", flags["threads"], { standard: 0, min: 1, max: 1024 }),
    limit: limit > 0 ? limit : null,
    out: fromRoot(flags["out"] ?? out),
    scorers: fromRoot(flags["scorers"] ?? `scripts/lab/scorers/${model}`),
    references: fromRoot(flags["references"] ?? `scripts/lab/references/${model}`),
  };
}

function fromRoot(path: string): string {
  return isAbsolute(path) ? path : join(ROOT, path);
}
