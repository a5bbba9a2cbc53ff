/** Draws the images that a grid kept as a sheet beside the report. */
import { contactSheet, type SheetLayout } from "../../pictures/contact_sheet.ts";
import type { Shown } from "./drawn_grid.ts";
import type { ResultSheet } from "../report/findings.ts";

export type KeptSheet<Subject> = Omit<ResultSheet, "image"> & SheetLayout & {
  labelOf(shown: Shown<Subject>): string;
  /** Whether the sheet has this condition; it has all by default. */
  shows?(condition: string): boolean;
};

/** Keeps the order of the grid: subjects, then conditions. */
export async function keptSheet<Subject>(
  kept: readonly Shown<Subject>[],
  { file, caption, labelOf, shows = () => true, ...layout }: KeptSheet<Subject>,
): Promise<ResultSheet> {
  const cells = kept.filter(({ condition }) => shows(condition)).map((shown) => ({
    image: shown.image,
    label: labelOf(shown),
  }));
  return { file, caption, image: await contactSheet(cells, layout, "webp") };
}
