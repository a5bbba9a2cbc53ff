/** `GET /v1/usage`: what the account of the key has used, day by day. */
import { accept, createProblem, refuse } from "../../contract/mod.ts";
import { refuseKeyless } from "../http/access.ts";
import type { EdgeApp } from "../http/request_context.ts";
import { dayOf } from "../limits/usage_meter.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";

const DAYS = 31;
const DAY_MS = 24 * 60 * 60_000;

export function mountUsage(app: EdgeApp, ports: Ports): void {
  app.get("/v1/usage", async (c) => {
    const { account, keyed, limits } = c.get("caller");
    if (!keyed) return refuseKeyless("Usage");
    const days = await readDays(ports, account);
    return days.ok
      ? jsonResponse({ account, limits, days: days.value })
      : problemResponse(days.problem);
  });
}

async function readDays({ usage, now, log }: Ports, account: string) {
  const since = dayOf(now() - (DAYS - 1) * DAY_MS);
  try {
    return accept(await usage.days(account, since));
  } catch (cause) {
    log({ level: "error", message: "Reading usage failed", cause });
    const detail = "The database is not available, and usage is written there alone";
    return refuse<never>(createProblem("storage_unavailable", detail));
  }
}
