/** From a body of any shape to a plan, without the GPU function. */
import {
  createFieldProblem,
  fieldIssue,
  type Parsed,
  parseGenerationRequest,
  planGeneration,
  refuse,
} from "../contract/mod.ts";
import type { RoomSubmission } from "./jobs/job_room.ts";
import type { Ports } from "./ports.ts";

/** A seed left out is drawn here, so that the GPU function plans the same generation. */
export async function planRequest(
  { models, drawSeed }: Pick<Ports, "models" | "drawSeed">,
  input: unknown,
): Promise<Parsed<RoomSubmission>> {
  const parsed = parseGenerationRequest(input);
  if (!parsed.ok) return parsed;
  const model = await models.find(parsed.value.model);
  if (!model) {
    const ids = (await models.list()).map(({ id }) => id);
    const issue = fieldIssue("model", `one of ${ids.join(", ")}`, parsed.value.model);
    return refuse(createFieldProblem("unknown_model", [issue]));
  }
  const request = { ...parsed.value, seed: parsed.value.seed ?? drawSeed() };
  const plan = planGeneration(request, model);
  return plan.ok ? { ok: true, value: { request, plan: plan.value } } : plan;
}
