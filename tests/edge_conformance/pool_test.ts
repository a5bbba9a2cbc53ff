// The edge over several GPU functions, on each platform: which one draws, and what a loss costs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type GenerationRequestInput,
  type GpuHealth,
  parseGenerationRequest,
} from "../../contract/mod.ts";
import { assertProblem, ConformanceClient, idOf } from "../support/conformance_client.ts";
import { drawEvents, planOf } from "../support/drawn_events.ts";
import { PLATFORMS } from "../support/edges.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { withGround } from "../support/ground.ts";

interface Stage {
  readonly client: ConformanceClient;
  readonly gpus: readonly [GpuDouble, GpuDouble];
}

interface PoolCase {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

/** Whether the functions have these states, in their order. */
const are = (...statuses: readonly string[]) => ({ functions = [] }: GpuHealth) =>
  functions.map(({ status }) => status).join() === statuses.join();

const startedOf = (gpus: readonly GpuDouble[]) => gpus.map(({ started }) => started);

function eventsOf(request: GenerationRequestInput) {
  const parsed = parseGenerationRequest(request);
  assert(parsed.ok);
  return drawEvents(planOf(parsed.value));
}

/** The double that received a generation's request, and the other one. */
function placeOf(gpus: readonly [GpuDouble, GpuDouble], id: string): [GpuDouble, GpuDouble] {
  const [a, b] = gpus;
  return a.puts.some((put) => put.id === id) ? [a, b] : [b, a];
}

const CASES: readonly PoolCase[] = [
  {
    name: "spreads generations, and begins each once",
    async run({ client, gpus }) {
      const requests = Array.from({ length: 8 }, () => client.fresh());
      const all = await Promise.all(requests.map((request) => client.stream(request)));
      for (const [index, frames] of all.entries()) {
        const request = requests[index];
        assert(request);
        assert.deepEqual(frames.map(({ event }) => event), eventsOf(request));
      }
      const [a = 0, b = 0] = startedOf(gpus);
      assert.equal(a + b, 8);
      assert(a > 0 && b > 0, `${a} and ${b}`);
    },
  },
  {
    name: "goes on elsewhere after a crash in mid-run: one log, one end, the same image",
    async run({ client, gpus }) {
      const request = client.fresh();
      for (const gpu of gpus) gpu.script(request.seed, { pauseAfter: 8 });
      const reader = await client.open(request);
      const head = await reader.until(8);
      const [lost, other] = placeOf(gpus, idOf(head));
      const port = Number(new URL(lost.url).port);
      const late = await client.follow(idOf(head));
      await lost.crash();
      try {
        while (!other.puts.some(({ id }) => id === idOf(head))) {
          await new Promise((done) => setTimeout(done, 20));
        }
        other.release(idOf(head));
        const frames = [...head, ...await reader.rest()];
        assert.deepEqual(frames.map(({ event }) => event), eventsOf(request));
        assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index));
        assert.equal((await late.text()).match(/^event: generation.completed$/mg)?.length, 1);
        const { image, cached } = await client.json(request);
        assert.equal(cached, true);
        const bytes = await (await client.request(image.url)).bytes();
        assert.equal(createHash("sha256").update(bytes).digest("hex"), image.sha256);
      } finally {
        lost.listen(port);
      }
    },
  },
  {
    name: "serves with one of two, and tells of the other",
    async run({ client, gpus: [a, b] }) {
      const port = Number(new URL(a.url).port);
      await a.crash();
      try {
        for (let i = 0; i < 6; i++) {
          assert.equal((await client.json(client.fresh())).status, "succeeded");
        }
        const { gpu } = await client.health(are("UNREACHABLE", "READY"));
        assert.equal(gpu.status, "READY");
      } finally {
        a.listen(port);
      }
      await client.health(are("READY", "READY"));
      assert(b.started > 0);
    },
  },
  {
    name: "asks the next when one is full, and says when all are",
    async run({ client, gpus }) {
      const refuse = "at_capacity";
      for (const full of gpus) {
        const request = client.fresh();
        full.script(request.seed, { refuse });
        assert.equal((await client.stream(request)).at(-1)?.event.type, "generation.completed");
      }
      const request = client.fresh();
      for (const full of gpus) full.script(request.seed, { refuse });
      const refused = await client.post(request);
      assert(Number(refused.headers.get("retry-after")) > 0);
      await assertProblem(refused, { status: 503, code: "at_capacity" });
    },
  },
];

for (const { name, start } of PLATFORMS) {
  Deno.test(`The edge over two GPU functions ${name}`, async (t) => {
    await withGround(async (ground, first) => {
      const gpus = [first, new GpuDouble().listen()] as const;
      const edge = await start({ ...ground, gpuUrl: gpus.map(({ url }) => url).join(",") });
      try {
        const client = new ConformanceClient(edge, first, 1);
        for (const { name, run } of CASES) await t.step(name, () => run({ client, gpus }));
      } finally {
        await edge.stop();
        await gpus[1].close();
      }
    });
  });
}
