/** Turns the declaration of an experiment on one grid into a whole experiment. */
import type { Experiment, Measured } from "../experiments/experiment.ts";
import type { Laboratory } from "../laboratory/laboratory.ts";
import type { Sizes } from "../laboratory/sizes.ts";
import type { Findings } from "../report/findings.ts";
import { type Grid, type MeasuredGrid, measureGrid } from "./drawn_grid.ts";
import { type KeptSheet, keptSheet } from "./kept_sheet.ts";

type Found = Pick<Findings, "tables" | "charts" | "readings">;

export interface GridDesign<Subject> extends Omit<Grid<Subject>, "seeds" | "kept"> {
  /** Reads the findings off the grid once it is drawn and measured. */
  findings(grid: MeasuredGrid<Subject>): Found | Promise<Found>;
  /** Sheet beside the report with the images of the first `subjects` subjects. */
  readonly sheet: KeptSheet<Subject> & { readonly subjects: number };
}

interface GridExperiment<Subject> extends Omit<Experiment, "measure"> {
  readonly paper: Findings["paper"];
  readonly method: Findings["method"];
  design(laboratory: Laboratory, sizes: Sizes): GridDesign<Subject> | Promise<GridDesign<Subject>>;
}

export function gridExperiment<Subject>(
  { paper, method, design, ...about }: GridExperiment<Subject>,
): Experiment {
  return {
    ...about,
    async measure(laboratory, sizes) {
      const designed = await design(laboratory, sizes);
      const { findings, sheets } = await measureDesign(laboratory, sizes, designed);
      return { findings: { ...findings, paper, method }, sheets };
    },
  };
}

/** Returns the findings without the paper's claims and the method. */
export async function measureDesign<Subject>(
  { cache }: Pick<Laboratory, "cache">,
  { seeds }: Pick<Sizes, "seeds">,
  { findings, sheet: { subjects, ...sheet }, ...grid }: GridDesign<Subject>,
): Promise<Measured> {
  const measured = await measureGrid(cache, { ...grid, seeds, kept: subjects });
  const found = await findings(measured);
  return {
    findings: { paper: [], method: [], ...found },
    sheets: [await keptSheet(measured.kept, sheet)],
  };
}
