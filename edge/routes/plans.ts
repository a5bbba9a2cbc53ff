/** `POST /v1/plans`: what a generation would do and cost, and whether its result is there already. */
import type { EdgeApp } from "../edge_app.ts";
import { lacksInsights } from "../../contract/mod.ts";
import { readJsonBody } from "../json_body.ts";
import { planRequest } from "../planning.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, problemResponse } from "../problem_response.ts";
import { lookUp } from "../stored_results.ts";
import { takeWebhook } from "../webhooks/webhook_request.ts";

export function mountPlans(app: EdgeApp, ports: Ports): void {
  app.post("/v1/plans", async (c) => {
    const body = await readJsonBody(c.req.raw);
    if (!body.ok) return problemResponse(body.problem);
    // Who asks for a webhook may ask for its plan first, in the same words.
    const taken = takeWebhook(body.value, ports.webhooks.settings);
    if (!taken.ok) return problemResponse(taken.problem);
    const planned = await planRequest(ports, taken.value.input, c.get("caller"));
    if (!planned.ok) return problemResponse(planned.problem);
    const { plan } = planned.value;
    const { value: stored } = await lookUp(ports, (results) => results.find(plan.id));
    // A result that lacks insights asked for would run again.
    const cached = stored !== null && !lacksInsights(stored.plan, plan);
    return jsonResponse({ ...plan, cached });
  });
}
