/** Whether a stored run has the insights of another request, and one request for those of both. */
import type { SeededRequest } from "../request/generation_request.ts";
import { INSIGHTS } from "../request/insights.ts";
import type { Plan } from "./plan.ts";
import { planInsights } from "./planned_insights.ts";

/**
 * Whether a stored result of the same key lacks insights of `asked`, so that it must run again.
 * Results older than insights have none.
 */
export function lacksInsights(
  { insights }: Pick<Plan, "id"> & Partial<Pick<Plan, "insights">>,
  asked: Pick<Plan, "insights">,
): boolean {
  return asked.insights.names.some((name) =>
    !insights?.names.includes(name) ||
    name === "frequency" && insights.low_fraction !== asked.insights.low_fraction ||
    name === "attention" && insights.convergence_level !== asked.insights.convergence_level
  );
}

/**
 * Adds the insights of `known`, the same generation, to a request, so that its result serves both.
 * The options are the request's own.
 */
export function joinInsights(
  { request, plan }: { readonly request: SeededRequest; readonly plan: Plan },
  known: Pick<Plan, "id"> & Partial<Pick<Plan, "insights">>,
): { readonly request: SeededRequest; readonly plan: Plan } {
  const both = [...request.insights, ...known.insights?.names ?? []];
  const joined = { ...request, insights: INSIGHTS.filter((name) => both.includes(name)) };
  const { phases, previews: { steps: previewSteps } } = plan;
  const insights = planInsights(joined, { phases, previewSteps });
  return { request: joined, plan: { ...plan, insights } };
}
