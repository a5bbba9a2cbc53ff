/**
 * A budget instead of settings: of the points on the model's front, the plan takes the dearest that the budget
 * allows, which on a front is the best. Pure arithmetic.
 */
import * as v from "valibot";
import { countEvaluations, planPhases } from "../plan/phase.ts";
import { countCompute, planReuse } from "../plan/planned_reuse.ts";
import { fillDefaults } from "../plan/settings.ts";
import { type BudgetedSettings, type FrontPoint, settingsOf } from "./front_point.ts";
import type { ModelManifest } from "../model_manifest.ts";
import {
  accept,
  createFieldProblem,
  type FieldIssue,
  fieldIssue,
  type Parsed,
  refuse,
} from "../problem.ts";
import type { SeededRequest } from "../request/generation_request.ts";
import type { DeepReadonly } from "../wire_schema.ts";

export const plannedBudget = v.object({
  /** As asked for: a share of what the model's own number of steps computes, guided throughout. */
  asked: v.number(),
  /** What the chosen settings compute, as the same share. */
  compute: v.number(),
  /** Whether the front was measured with this model, or is the one that holds where none was. */
  front: v.picklist(["measured", "default"]),
});

export type PlannedBudget = DeepReadonly<v.InferOutput<typeof plannedBudget>>;

/** What a budget decides, so that it cannot be asked for beside it. */
const DECIDED = [
  ...["sampler", "num_inference_steps", "timestep_spacing", "cutoff", "reuse"] as const,
] satisfies readonly (keyof BudgetedSettings)[];

interface Budgeted {
  readonly request: SeededRequest;
  /** Null where the request has no budget, and is then as it came. */
  readonly budget: PlannedBudget | null;
}

/** Puts settings into the request where it has a budget. */
export function spendBudget(request: SeededRequest, manifest: ModelManifest): Parsed<Budgeted> {
  const { budget: asked, ...rest } = request;
  if (asked === undefined) return accept({ request, budget: null });
  const given = DECIDED.filter((name) => request[name] !== undefined);
  if (given.length > 0) {
    return refused(fieldIssue("budget", `absent where ${given.join(", ")} is given`, asked));
  }
  const front = manifest.front.length > 0 ? manifest.front : defaultFront(manifest);
  const full = computeOf(rest, manifest);
  const priced = [...front.map(settingsOf), {}]
    .map((point) => ({ point, compute: computeOf({ ...rest, ...point }, manifest) / full }))
    .sort((a, b) => a.compute - b.compute);
  const chosen = priced.findLast(({ compute }) => compute <= asked);
  if (!chosen) {
    const least = Math.ceil(1_000 * (priced[0]?.compute ?? 1)) / 1_000;
    return refused(fieldIssue("budget", `at least ${least} for model ${manifest.id}`, asked));
  }
  const { point, compute } = chosen;
  return accept({
    request: { ...rest, ...point },
    budget: { asked, compute, front: manifest.front.length > 0 ? "measured" : "default" },
  });
}

function refused(issue: FieldIssue): Parsed<Budgeted> {
  return refuse(createFieldProblem("unplannable", [issue]));
}

/** In whole rows. Settings that are left out are the model's own, guided throughout. */
function computeOf(request: SeededRequest, manifest: ModelManifest): number {
  const settings = fillDefaults(request, manifest);
  const { num_inference_steps, sampler } = settings;
  const options = { ...settings, ...settings.cutoff };
  const phases = planPhases(options);
  const run = { phases, num_inference_steps, negative_prompt: request.negative_prompt };
  const evaluations = countEvaluations(phases, options);
  const reuse = planReuse(request.reuse, run);
  return countCompute({ ...run, reuse, sampler, evaluations }, manifest.cuts).planned;
}

const STEPS = [10, 12, 14, 16, 20, 25];

/**
 * The front where none was measured: those points of the embedded model's front that other models can be
 * expected to share. `docs/adr/0034-spend-where-the-shape-is.md`
 */
export function defaultFront(
  { samplers, cuts, timestep_spacing, defaults }: ModelManifest,
): FrontPoint[] {
  const sampler = ["dpmpp_2m_karras", "dpmpp_2m"].find((name) => samplers.includes(name));
  // A flow spaces its steps by itself.
  const spacing = defaults.sampler === "flow_euler" || timestep_spacing === "trailing"
    ? {}
    : { timestep_spacing: "trailing" as const };
  if (sampler === undefined) {
    return STEPS.map((num_inference_steps) => ({ num_inference_steps, ...spacing }));
  }
  return STEPS.map((num_inference_steps) => ({
    ...{ sampler, num_inference_steps, ...spacing },
    ...(cuts.length > 0 ? { reuse: { from: 3, every: 2 } } : {}),
  }));
}
