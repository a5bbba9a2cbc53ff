/** `GET /health`: always 200 while the edge runs; the body has the state of the rest. */
import { BriefMemory } from "../brief_memory.ts";
import type { EdgeApp } from "../http/request_context.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";

/** Nobody is limited here, so no rate of asking may become a rate of queries and calls. */
const HOLDS_MS = 1_000;
/** Longer than a silent GPU function or database is waited for. */
const LOST_MS = 10_000;

export function mountHealth(app: EdgeApp, ports: Ports): void {
  const { now, keepAlive } = ports;
  const find = () => findHealth(ports);
  const memory = new BriefMemory({ find, holdsMs: HOLDS_MS, lostMs: LOST_MS, now, keepAlive });
  app.get("/health", async () => jsonResponse(await memory.get()));
}

async function findHealth(ports: Ports) {
  const [gpu, database, models] = await Promise.all([
    ports.gpu.health(),
    lookUp(ports, (results) => results.has("")),
    ports.models.list().catch(() => []),
  ]);
  return {
    status: "ok",
    gpu,
    database: { status: statusOf(database.available, ports.writes.failing) },
    models: models.map(({ id }) => id),
  };
}

function statusOf(
  isAvailable: boolean,
  writesFail: boolean,
): "READY" | "READ_ONLY" | "UNREACHABLE" {
  if (!isAvailable) return "UNREACHABLE";
  return writesFail ? "READ_ONLY" : "READY";
}
