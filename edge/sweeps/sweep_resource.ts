/** Shows what is known of a sweep as its resource. */
import type {
  Problem,
  SpentEvaluations,
  SweepAxis,
  SweepOutcome,
  SweepResource,
} from "../../contract/mod.ts";
import { describeGeneration, type GenerationRecord } from "../generations/generation_resource.ts";

export interface SweepRecord {
  readonly id: string;
  readonly axis: SweepAxis;
  readonly branches: readonly {
    readonly label: string;
    readonly same_as: number | null;
    readonly generation: GenerationRecord;
  }[];
  /** Null while it runs. */
  readonly outcome: SweepOutcome | null;
  readonly status: SweepResource["status"];
  readonly failure: Problem | null;
  readonly cached: boolean;
}

export function describeSweep(record: SweepRecord): SweepResource {
  const { id, axis, outcome, status, failure, cached } = record;
  const branches = record.branches.map(({ label, same_as, generation }, i) => {
    const described = describeGeneration(generation);
    const evaluations = outcome?.branches[i]?.evaluations ??
      (same_as === null ? described.evaluations : { ...described.evaluations, spent: 0 });
    return { label, same_as, ...described, evaluations };
  });
  const self = sweepPath(id);
  return {
    id,
    status,
    axis,
    branches,
    evaluations: outcome?.evaluations ?? sumOf(branches.map(({ evaluations }) => evaluations)),
    cached,
    failure,
    links: {
      self,
      events: `${self}/events`,
      sheet: status === "succeeded" ? sheetPath(id) : null,
    },
  };
}

function sumOf(all: readonly SpentEvaluations[]): SpentEvaluations {
  const sum = (of: "planned" | "spent" | "shared" | "full") =>
    all.reduce((total, evaluations) => total + evaluations[of], 0);
  const [planned, full] = [sum("planned"), sum("full")];
  return {
    planned,
    spent: sum("spent"),
    shared: sum("shared"),
    full,
    saved: 1 - planned / full,
  };
}

export function sweepPath(id: string): string {
  return `/v1/sweeps/${id}`;
}

export function sheetPath(id: string): string {
  return `${sweepPath(id)}/sheet.svg`;
}
