/** Requests of a test about the database: to the faulty worker, and to any edge. */
import assert from "node:assert/strict";
import type { ConformanceClient } from "../support/conformance_client.ts";
import type { Failure } from "./call_faults.ts";

export const FAULTY_WORKER = "tests/faults/faulty_worker.ts";

type Requests = Pick<ConformanceClient, "request">;

export async function arm(client: Requests, failure: Failure | null): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(failure) };
  assert.equal((await client.request("/v1/faults/arm", init)).status, 200);
}

export async function countCalls(client: Requests): Promise<number> {
  return await (await client.request("/v1/faults/count")).json();
}

export async function databaseStatus(client: ConformanceClient): Promise<string> {
  const response = await client.request("/health");
  assert.equal(response.status, 200);
  return (await response.json()).database.status;
}

const ATTEMPTS = 200;

/**
 * Waits until the database answers. The request for health may be the one that finds it back; where a write
 * has failed meanwhile, it is READ_ONLY until the next one.
 */
export async function untilAnswering(client: ConformanceClient): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await databaseStatus(client) !== "UNREACHABLE") return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("The database is not asked again");
}
