/** Turns a body of any shape into a plan, without the GPU function. */
import {
  createFieldProblem,
  DEFAULT_MODEL,
  fieldIssue,
  type ModelManifest,
  type Parsed,
  parseGenerationRequest,
  parseSweepRequest,
  planGeneration,
  type PlanningModel,
  planSweep,
  type Problem,
  refuse,
  type SeededRequest,
  type SweepPlan,
} from "../../contract/mod.ts";
import type { Caller } from "../callers/caller.ts";
import type { PlannedGeneration } from "./run.ts";
import type { PromptPolicy } from "../policy/prompt_policy.ts";
import { ownerOf } from "../callers/private_results.ts";

type PlanCaller = Pick<Caller, "account" | "keyed">;

export interface PlanningPorts {
  readonly models: ModelCatalog;
  readonly promptPolicy: PromptPolicy;
  /** An integer from 0 to `LIMITS.seedMax`. */
  readonly drawSeed: () => number;
}

/** The published models: enough to plan without the GPU function. */
export interface ModelCatalog {
  list(): Promise<readonly ModelManifest[]>;
  find(id: string): Promise<PlanningModel | null>;
}

/** Draws an absent seed here, so that the GPU function plans the same generation. */
export async function planRequest(
  { models, promptPolicy, drawSeed }: PlanningPorts,
  input: unknown,
  caller: PlanCaller,
): Promise<Parsed<PlannedGeneration>> {
  const parsed = parseGenerationRequest(await withModel(models, input));
  if (!parsed.ok) {
    return refuse(await asUnknownModel(models, parsed.problem, { input, at: "model" }));
  }
  const owner = ownerOf(parsed.value, caller);
  if (!owner.ok) return owner;
  const refusal = promptPolicy.refusalOf(parsed.value);
  if (refusal) return refuse(refusal);
  const model = await findModel(models, parsed.value.model, "model");
  if (!model.ok) return model;
  const request = { ...parsed.value, ...owner.value, seed: parsed.value.seed ?? drawSeed() };
  const plan = planGeneration(request, model.value);
  return plan.ok ? { ok: true, value: { request, plan: plan.value } } : plan;
}

/** Draws an absent seed once for all branches. */
export async function planSweepRequest(
  { models, promptPolicy, drawSeed }: PlanningPorts,
  input: unknown,
  caller: PlanCaller,
): Promise<Parsed<SweepPlan>> {
  const named = isObject(input) ? { ...input, base: await withModel(models, input.base) } : input;
  const parsed = parseSweepRequest(named);
  if (!parsed.ok) {
    const base = isObject(input) ? input.base : undefined;
    const asked = { input: base, at: "base.model" };
    return refuse(await asUnknownModel(models, parsed.problem, asked));
  }
  const owner = ownerOf(parsed.value.base, caller, "base.private");
  if (!owner.ok) return owner;
  const refusal = promptPolicy.refusalOfSweep(parsed.value);
  if (refusal) return refuse(refusal);
  const { base } = parsed.value;
  const model = await findModel(models, base.model, "base.model");
  if (!model.ok) return model;
  const planBranch = (request: SeededRequest) => planGeneration(request, model.value);
  const branches = parsed.value.branches.map((branch) => ({ ...branch, ...owner.value }));
  return planSweep({ ...parsed.value, branches }, base.seed ?? drawSeed(), planBranch);
}

/**
 * A request that names no model means the contract's default. Where that one is not installed it means the
 * first that is, so that a service with other models answers the same request.
 */
async function withModel(models: ModelCatalog, input: unknown): Promise<unknown> {
  if (!isObject(input) || input.model !== undefined) return input;
  if (await models.find(DEFAULT_MODEL)) return input;
  const [first] = await models.list();
  return first ? { ...input, model: first.id } : input;
}

function isObject(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

/** Returns the problem of an unknown model where nothing is wrong but an id that none can have. */
async function asUnknownModel(
  models: ModelCatalog,
  problem: Problem,
  { input, at }: { readonly input: unknown; readonly at: string },
): Promise<Problem> {
  const id = isObject(input) ? input.model : undefined;
  const isAlone = problem.errors?.every(({ field }) => field === at) ?? false;
  return typeof id === "string" && isAlone ? await unknownModel(models, id, at) : problem;
}

async function findModel(
  models: ModelCatalog,
  id: string,
  field: string,
): Promise<Parsed<PlanningModel>> {
  const model = await models.find(id);
  return model ? { ok: true, value: model } : refuse(await unknownModel(models, id, field));
}

async function unknownModel(models: ModelCatalog, id: string, field: string): Promise<Problem> {
  const ids = (await models.list()).map(({ id }) => id);
  const issue = fieldIssue(field, `one of ${ids.join(", ")}`, id);
  return createFieldProblem("unknown_model", [issue]);
}
