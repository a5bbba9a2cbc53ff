/** `POST /v1/plans`: a generation's plan and cost, and whether its result is stored already. */
import { acceptTogether } from "../http/accept_together.ts";
import type { EdgeApp } from "../http/request_context.ts";
import { lacksInsights, unreadIn } from "../../contract/mod.ts";
import { readJsonBody } from "../http/json_body.ts";
import { planRequest } from "../generations/planning.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";
import { takeWebhook } from "../webhooks/webhook_request.ts";

export function mountPlans(app: EdgeApp, ports: Ports): void {
  app.post("/v1/plans", async (c) => {
    const body = await readJsonBody(c.req.raw);
    if (!body.ok) return problemResponse(body.problem);
    // A client that wants a webhook may first ask for its plan, with the same body.
    const caller = c.get("caller");
    const { input, url } = takeWebhook(body.value, ports.webhooks.settings, caller);
    const planned = await planRequest(ports, input, caller);
    const read = acceptTogether([c.get("idempotencyKey"), url, planned]);
    if (!read.ok) return problemResponse(read.problem);
    const [, , { plan, request }] = read.value;
    const { value: stored } = await lookUp(ports, (results) => results.find(plan.id));
    // A result that lacks insights asked for would run again.
    const cached = stored !== null && !lacksInsights(stored.plan, plan);
    const model = await ports.models.find(plan.model);
    const unread = model ? { unread: unreadIn(request, model) } : {};
    return jsonResponse({ ...plan, cached, ...unread });
  });
}
