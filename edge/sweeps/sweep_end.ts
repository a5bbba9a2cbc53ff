/** Ends a sweep according to its branches: its sheet, its outcome, its terminal event. */
import {
  type BranchEnd,
  createProblem,
  LIMITS,
  type Problem,
  type SweepOutcome,
  sweepOutcome,
  sweepStatus,
} from "../../contract/mod.ts";
import type { BranchRun } from "./branch_run.ts";
import type { SweepEnd } from "./sweep_log.ts";
import { sheetPath } from "./sweep_resource.ts";
import type { SweepRun } from "./sweep_run.ts";
import { SHEET_END, type SheetLayout, sheetSize, sheetStart, sheetTile } from "./sweep_sheet.ts";

/**
 * Returns the terminal event, when all branches have ended; the sheet enters the log before it.
 * @param store keeps a sweep that has all of its images. A reader of the end finds it kept.
 */
export async function concludeSweep(
  run: SweepRun,
  store: (outcome: SweepOutcome) => Promise<void>,
): Promise<SweepEnd> {
  const { submission: { plan }, branches, interleaving, log } = run;
  const ends = branches.map(({ branch, index }) => endOf(branches, branch.same_as ?? index));
  const outcome = sweepOutcome(plan, ends);
  const status = sweepStatus(ends, run.canceled);
  const id = interleaving.order.length + 1;
  if (status === "succeeded") {
    const layout = layoutOf(run, outcome);
    run.sheet = drawSheet(layout, branches);
    const url = sheetPath(plan.id);
    const event = { type: "sweep.sheet", url, ...sheetSize(layout), svg: run.sheet } as const;
    log.append({ id, event });
    if (ends.every((end) => end.status === "succeeded")) await store(outcome);
  }
  for (const branch of branches) branch.image = null;
  switch (status) {
    case "succeeded":
      return { id: id + 1, event: { type: "sweep.completed", ...outcome, cached: false } };
    case "failed":
      return { id, event: { type: "sweep.failed", ...outcome, error: failureOf(ends) } };
    case "canceled":
      return { id, event: { type: "sweep.canceled", ...outcome } };
  }
}

/** A fault of our own still ends the log. */
export function breakSweep({ submission: { plan }, branches, log }: SweepRun): SweepEnd {
  const error = createProblem("internal", "The sweep broke off; the edge's log says why");
  const broken = { status: "failed", cached: false, spent: 0, shared: 0, failure: error } as const;
  const outcome = sweepOutcome(plan, branches.map(({ end }) => end ?? broken));
  return { id: log.lastId + 1, event: { type: "sweep.failed", ...outcome, error } };
}

function endOf(branches: readonly BranchRun[], index: number): BranchEnd {
  const end = branches[index]?.end;
  if (!end) throw new Error(`Branch ${index} has not ended`);
  return end;
}

/** Describes a sweep without any image: the first branch's problem, in the sweep's words. */
function failureOf(ends: readonly BranchEnd[]): Problem {
  const first = ends.findIndex(({ failure }) => failure !== null);
  const failure = ends[first]?.failure ?? createProblem("internal", "No branch says why");
  return { ...failure, detail: `No branch succeeded. Branch ${first}: ${failure.detail}` };
}

function layoutOf({ submission: { plan } }: SweepRun, { branches }: SweepOutcome): SheetLayout {
  const { prompt: title = "", width = 1, height = 1 } = plan.branches[0]?.plan ?? {};
  return { title, width, height, branches };
}

/** Returns null where the images are too large for one event. */
function drawSheet(layout: SheetLayout, branches: readonly BranchRun[]): string | null {
  const images = branches.map(({ branch, image }) =>
    branch.same_as === null ? image : branches[branch.same_as]?.image ?? null
  );
  const length = images.reduce((sum, image) => sum + (image?.data.length ?? 0), 0);
  if (length > LIMITS.sheetLength) return null;
  const tiles = images.map((image, i) => sheetTile(layout, i, image));
  return sheetStart(layout) + tiles.join("") + SHEET_END;
}
