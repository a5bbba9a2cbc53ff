/** Findings of an experiment: the content of `<experiment>.json` and the basis of its report. */
import type { Chart } from "./chart.ts";
import type { Estimate } from "../statistics/estimate.ts";

export interface Findings {
  /** What the paper reports, one item each, with its section, table or figure. */
  readonly paper: readonly string[];
  /** How it was measured here, where a reader might expect another way. */
  readonly method: readonly string[];
  readonly tables: readonly ResultTable[];
  readonly charts: readonly ResultChart[];
  readonly readings: readonly Reading[];
}

export interface ResultTable {
  readonly title: string;
  /** Title of the label's column, then those of the cells. */
  readonly columns: readonly string[];
  readonly rows: readonly ResultRow[];
}

export interface ResultRow {
  readonly label: string;
  readonly cells: readonly (Estimate | string)[];
}

export type ResultChart =
  | { readonly file: string; readonly kind: "line"; readonly chart: Chart<number> }
  | { readonly file: string; readonly kind: "rows"; readonly chart: Chart<string> };

/** A grid of images beside the report. */
export interface ResultSheet {
  readonly file: string;
  readonly caption: string;
  readonly image: Uint8Array;
}

/** A claim that is true when the difference is above 0. */
export interface Reading {
  readonly claim: string;
  readonly difference: Estimate;
}

export type Verdict = "yes" | "no" | "undecided";

/** Says whether the whole interval is above 0, below it, or undecided. */
export function verdictOf({ difference: { low, high } }: Reading): Verdict {
  if (low > 0) return "yes";
  return high < 0 ? "no" : "undecided";
}
