// The edge with Replicate behind it, on each platform, and what outlives its process.
import assert from "node:assert/strict";
import { ReplicateDouble } from "../../edge/backends/replicate/fixtures/replicate_double.ts";
import { ConformanceClient, FrameReader, idOf } from "../support/conformance_client.ts";
import { drawEvents, planOf } from "../support/drawn_events.ts";
import { type EdgeOptions, type Platform, PLATFORMS, startInProcess } from "../support/edges.ts";
import type { GpuDouble } from "../support/gpu_double.ts";
import { withGround } from "../support/ground.ts";
import { REPLICATE_CASES, replicateEnvironment, WEBHOOK_PATH } from "./cases/replicate_cases.ts";

async function withReplicate(
  test: (options: EdgeOptions, replicate: ReplicateDouble, gpu: GpuDouble) => Promise<void>,
): Promise<void> {
  const replicate = new ReplicateDouble((input) => drawEvents(planOf(input))).listen();
  const environment = replicateEnvironment(replicate.url);
  try {
    await withGround(async (ground, gpu) => {
      await test({ ...ground, environment }, replicate, gpu);
      assert.equal(gpu.puts.length, 0, "Replicate draws, no GPU function");
    });
  } finally {
    await replicate.close();
  }
}

for (const { name, start } of PLATFORMS) {
  Deno.test(`The edge over Replicate ${name}`, async (t) => {
    await withReplicate(async (options, replicate, gpu) => {
      const edge = await start(options);
      try {
        const client = new ConformanceClient(edge, gpu, 1);
        for (const { name, run } of REPLICATE_CASES) {
          await t.step(name, () => run(client, replicate));
        }
      } finally {
        await edge.stop();
      }
    });
  });
}

Deno.test("A webhook of what is stored asks Replicate for nothing", async () => {
  await withReplicate(async (options, replicate, gpu) => {
    const before = new ConformanceClient(await startInProcess(options), gpu, 1);
    await before.json(before.fresh());
    await before.edge.stop();
    const { looks } = replicate;
    const after = new ConformanceClient(await startInProcess(options), gpu, 10);
    const answer = await after.request(WEBHOOK_PATH, replicate.webhookOf(replicate.ids[0] ?? ""));
    await after.edge.stop();
    assert.deepEqual([answer.status, replicate.looks], [204, looks]);
  });
});

for (const { name, start } of PLATFORMS.slice(1)) {
  Deno.test(`An edge that is lost in mid-run takes its prediction up again ${name}`, async () => {
    await withReplicate((options, replicate, gpu) =>
      loseInMidRun(start, { options, replicate, gpu })
    );
  });
}

async function loseInMidRun(
  start: Platform["start"],
  { options, replicate, gpu }: {
    options: EdgeOptions;
    replicate: ReplicateDouble;
    gpu: GpuDouble;
  },
): Promise<void> {
  const before = new ConformanceClient(await start(options), gpu, 1);
  replicate.script = { pauseAfter: 8 };
  const reader = await before.open(before.fresh());
  const head = await reader.until(8);
  await reader.leave();
  await before.edge.stop();

  const after = new ConformanceClient(await start(options), gpu, 10);
  try {
    const resumed = new FrameReader(await after.follow(idOf(head), 5));
    assert.deepEqual(await resumed.until(8), head.slice(6));
    replicate.release(replicate.ids[0] ?? "");
    const rest = await resumed.rest();
    assert.equal(rest.at(-1)?.event.type, "generation.completed");
    assert.equal(replicate.created.length, 1, "one run, one payment");
  } finally {
    await after.edge.stop();
  }
}
