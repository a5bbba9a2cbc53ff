/** An experiment of the paper has a question, sizes, and a way from a laboratory to findings. */
import type { Findings, ResultSheet } from "../report/findings.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { Sizes } from "../laboratory/sizes.ts";

export interface Experiment {
  /** Name on the command line and in file names. */
  readonly name: string;
  readonly title: string;
  /** One sentence, shown in the help and at the top of the report. */
  readonly question: string;
  /** Subjects that `--count` counts. */
  readonly counted: "prompts" | "pairs of prompts";
  readonly standard: { readonly count: number; readonly seeds: number };
  measure(laboratory: Laboratory, sizes: Sizes): Promise<Measured>;
}

export interface Measured {
  readonly findings: Findings;
  readonly sheets: readonly ResultSheet[];
}
