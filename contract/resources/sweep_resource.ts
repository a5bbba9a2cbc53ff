/** A sweep as JSON: one shape whether it runs, is stored or has failed. */
import * as v from "valibot";
import { spentEvaluations } from "../plan/phase.ts";
import { problemSchema } from "../problem.ts";
import { branchOutcomeObject } from "../sweep/sweep_outcome.ts";
import { SWEEP_AXES } from "../sweep/sweep_axis.ts";
import { type DeepReadonly, key } from "../wire_schema.ts";
import { generationResource, path } from "./generation_resource.ts";

const { label, same_as } = branchOutcomeObject.entries;

export const sweepResource = v.object({
  id: key,
  status: generationResource.entries.status,
  axis: v.picklist(SWEEP_AXES),
  /** A branch is a generation; its evaluations are those that this sweep paid for. */
  branches: v.array(v.object({ ...generationResource.entries, label, same_as })),
  /** The sums over the branches; `spent` grows while it runs. */
  evaluations: spentEvaluations,
  cached: v.boolean(),
  /** Why no branch succeeded. */
  failure: v.nullable(problemSchema),
  links: v.object({ self: path, events: path, sheet: v.nullable(path) }),
});

export type SweepResource = DeepReadonly<v.InferOutput<typeof sweepResource>>;
