// Signed calls over HTTP: the edge signs them, and the GPU function checks them.
import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../../contract/fixtures/planning_model.ts";
import { audienceOf, parseGenerationRequest, planGeneration } from "../../contract/mod.ts";
import { GPU_FUNCTION_DEFAULTS } from "../../edge/backends/backend.ts";
import { GpuFunction } from "../../edge/backends/gpu_function.ts";
import { GpuPool, POOL_DEFAULTS } from "../../edge/backends/pool.ts";
import { FakeClock } from "../../gpu-function/fixtures/fake_clock.ts";
import { PacedEngine } from "../../gpu-function/fixtures/paced_engine.ts";
import { SERVICE_LIMITS } from "../../gpu-function/fixtures/service_limits.ts";
import { createMetrics } from "../../gpu-function/server/metrics.ts";
import { CallVerifier } from "../../gpu-function/server/request_signature.ts";
import { createServer } from "../../gpu-function/server/server.ts";
import { GenerationService } from "../../gpu-function/jobs/service.ts";

const SECRET = "a-secret-of-this-test";
const STEPS = 3;

function createGpuFunction(clock: FakeClock, names: ReadonlySet<string>) {
  const log = () => {};
  const service = new GenerationService(SERVICE_LIMITS, { clock, log });
  service.start(new PacedEngine({ permits: STEPS }));
  return createServer({
    service,
    metrics: createMetrics(service),
    clock,
    log,
    drawId: () => crypto.randomUUID(),
    verifier: new CallVerifier({ secrets: [SECRET], audiences: names }, clock),
  });
}

function createPool(
  url: string,
  secret: string | null,
  now: () => number,
  logged: string[] = [],
): GpuPool {
  const log = ({ message }: { readonly message: string }) => void logged.push(message);
  const ports = { now, newId: () => crypto.randomUUID(), log };
  const options = { ...GPU_FUNCTION_DEFAULTS, secret };
  return new GpuPool([new GpuFunction(url, options, ports)], POOL_DEFAULTS, ports);
}

function submission() {
  const request = parseGenerationRequest({
    model: MANIFEST.id,
    prompt: "a blue bird",
    seed: 1,
    num_inference_steps: STEPS,
  });
  assert(request.ok);
  const plan = planGeneration({ ...request.value, seed: 1 }, planningModel());
  assert(plan.ok);
  return { id: plan.value.id, request: request.value };
}

Deno.test("The GPU function takes the calls of an edge that knows its secret, and of no other", async () => {
  const clock = new FakeClock();
  const names = new Set<string>();
  const app = createGpuFunction(clock, names);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  names.add(audienceOf(new URL(url)));
  try {
    const now = () => clock.now();
    for (
      const [secret, at, reason] of [
        [null, now, /must be signed/],
        ["another-secret-0123", now, /by a secret that is known here/],
        [SECRET, () => clock.now() - 60_001, /given a time 61 seconds from it$/],
      ] as const
    ) {
      const logged: string[] = [];
      const stranger = createPool(url, secret, at, logged);
      const refused = await stranger.submit(submission(), -1);
      assert(!refused.ok);
      assert.match(refused.problem.detail, /does not accept the calls of this edge/);
      assert.match(logged[0] ?? "", reason, "the operator learns why");
      assert(!(await stranger.cancel(submission().id)).ok);
      assert.equal((await stranger.health()).status, "READY", "health is open");
    }
    const byAnotherName: string[] = [];
    const elsewhere = url.replace("127.0.0.1", "localhost");
    assert(!(await createPool(elsewhere, SECRET, now, byAnotherName).submit(submission(), -1)).ok);
    assert.match(byAnotherName[0] ?? "", /one of its GPU_AUDIENCE, given "localhost:\d+"$/);
    const pool = createPool(url, SECRET, now);
    const first = await pool.submit(submission(), -1);
    assert(first.ok);
    const ids = await Array.fromAsync(first.value, ({ id }) => id);
    const again = await pool.submit(submission(), 2);
    assert(again.ok, "a second call is signed anew");
    assert.deepEqual(await Array.fromAsync(again.value, ({ id }) => id), ids.slice(3));
    assert((await pool.cancel(submission().id)).ok);
    for (const path of ["/health-check", "/metrics", "/models", "/"]) {
      assert.equal((await app.request(path)).status, 200, path);
    }
    for (const method of ["GET", "HEAD", "PUT"]) {
      assert.equal((await app.request(`/predictions/x`, { method })).status, 401, method);
    }
    assert.equal((await app.request("/predictions", { method: "POST" })).status, 401);
  } finally {
    await server.shutdown();
  }
});
