/** Whether the insights of a stored run answer for another request, and how both are asked for at once. */
import type { SeededRequest } from "../request/generation_request.ts";
import { INSIGHTS } from "../request/insights.ts";
import type { Plan } from "./plan.ts";
import { planInsights } from "./planned_insights.ts";

/**
 * Whether a result that was made by `stored` cannot answer for `asked`, which has the same key: it
 * must run again. Results from before there were insights have none.
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
 * The same generation, asked for what `known` shows as well, so that its result can stand in for both.
 * Options are those of the one who asks now.
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
