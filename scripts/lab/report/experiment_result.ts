/** The content of `<experiment>.json`: what was run, and what was found. */
import type { Sizes } from "../laboratory/sizes.ts";
import type { Findings } from "./findings.ts";

export interface ExperimentResult {
  readonly experiment: string;
  readonly title: string;
  readonly question: string;
  readonly command: string;
  /** Day of the run, UTC. */
  readonly date: string;
  readonly model: {
    readonly id: string;
    readonly digest: string;
    readonly engine_version: string;
    /** Execution provider of the run. */
    readonly provider: string;
    readonly width: number;
    readonly height: number;
    readonly guidance_scale: number;
  };
  readonly sizes: Omit<Sizes, "steps"> & { readonly steps: number; readonly counted: string };
  readonly scorers: readonly string[];
  readonly findings: Findings;
}
