/** The paper's row of cutoffs in one request: what a sweep costs, and that it changes no image. */
import assert from "node:assert/strict";
import {
  createServerSentDecoder,
  parseGenerationRequest,
  parseSweepEvent,
  type Plan,
  type SweepEvent,
  type SweepEventOf,
} from "../../contract/mod.ts";
import { createEngine } from "../../gpu-function/engine/onnx_engine.ts";
import { modelsFolder } from "../../scripts/command_line/models_folder.ts";
import type { Stack } from "../../scripts/service/stack.ts";
import { generate, readMetric, sha256 } from "./service_client.ts";
import { inOrder, type Story } from "./story.ts";

const ROWS = "shapefirst_unet_rows_total";
const ROW = [0, 5, 10, 15, 20, 25];
const base = { prompt: "a green boat", seed: 11, num_inference_steps: 50 };
const BODY = { base, cutoffs: ROW.map((a) => ({ a })) };

interface NumberedSweepEvent {
  readonly id: number;
  readonly event: SweepEvent;
}

function postSweep({ url }: Stack, accept = "text/event-stream"): Promise<Response> {
  return fetch(`${url}/v1/sweeps`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(BODY),
  });
}

/** Reads until the stream ends, or up to an event; then the connection is dropped. */
async function readSweep(response: Response, last = Infinity): Promise<NumberedSweepEvent[]> {
  assert.equal(response.status, 200);
  const decoder = createServerSentDecoder();
  const events: NumberedSweepEvent[] = [];
  const texts = response.body?.pipeThrough(new TextDecoderStream()) ?? [];
  for await (const text of texts) {
    for (const { id, data } of decoder.feed(text)) {
      const parsed = parseSweepEvent(JSON.parse(data));
      assert(parsed.ok && id !== null);
      events.push({ id, event: parsed.value });
      if (id === last) return events;
    }
  }
  return events;
}

function imagesOf(events: readonly NumberedSweepEvent[]): string[] {
  const images: string[] = [];
  for (const { event } of events) {
    if (event.type === "sweep.event" && event.event.type === "generation.image") {
      images[event.branch] = event.event.sha256;
    }
  }
  return images;
}

/** Draws the same cutoffs with an engine that shares no rows. */
async function runApart(): Promise<{ images: string[]; rows: number }> {
  const engine = await createEngine({
    modelsDir: modelsFolder(),
    model: "mini",
    intraOpNumThreads: 1,
  });
  const images: string[] = [];
  for (const a of ROW) {
    const request = parseGenerationRequest({ ...base, cutoff: { a }, previews: { every: 0 } });
    assert(request.ok);
    const plan = engine.plan(request.value);
    assert(plan.ok);
    images.push(await imageOf(engine.generate(plan.value, new AbortController().signal)));
  }
  const rows = engine.counters.unetRows;
  await engine.close();
  return { images, rows };
}

async function imageOf(events: ReturnType<Awaited<ReturnType<typeof createEngine>>["generate"]>) {
  let hash = "";
  for await (const event of events) if (event.type === "generation.image") hash = event.sha256;
  return hash;
}

export const sweep: Story = async (t, { stack }) => {
  const step = inOrder(t);
  let events: NumberedSweepEvent[] = [];
  let plans: Plan[] = [];
  let completed: SweepEventOf<"sweep.completed"> | null = null;
  await step(
    "It spends 170 rows at the session's counter; its reader left and came back",
    async () => {
      const before = await readMetric(stack.gpuUrl, ROWS);
      const head = await readSweep(await postSweep(stack), 40);
      const [planned] = head;
      assert(planned?.event.type === "sweep.planned");
      plans = planned.event.branches.map(({ plan }) => plan);
      assert.deepEqual(planned.event.evaluations, {
        planned: 525,
        together: 170,
        full: 600,
        saved: 0.125,
      });
      const path = `${stack.url}/v1/sweeps/${planned.event.id}/events`;
      const headers = { "last-event-id": "40" };
      events = [...head, ...await readSweep(await fetch(path, { headers }))];
      assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => index));
      assert.equal(await readMetric(stack.gpuUrl, ROWS) - before, 170);
    },
  );

  await step("It tells what each branch spent and shared", async () => {
    const last = events.at(-1)?.event;
    assert(last?.type === "sweep.completed");
    completed = last;
    const { evaluations, branches } = last;
    assert.deepEqual(evaluations, {
      planned: 525,
      spent: 170,
      shared: 355,
      full: 600,
      saved: 0.125,
    });
    for (const { evaluations: { planned, spent, shared } } of branches) {
      assert.equal(spent + shared, planned);
    }
    assert.deepEqual(branches.map(({ label }) => label), ROW.map((a) => `a = ${a}`));
    await Promise.resolve();
  });

  await step(
    "Each image is, bit for bit, the one of its separate run, which takes 525 rows",
    async () => {
      const apart = await runApart();
      assert.deepEqual(imagesOf(events), apart.images);
      assert.equal(apart.rows, 525);
      assert.equal(new Set(apart.images).size, 6);
    },
  );

  await step(
    "Each branch is stored under its own key, and the sweep with its sheet",
    async () => {
      const before = await readMetric(stack.gpuUrl, ROWS);
      for (const [i, { id }] of plans.entries()) {
        const bytes = await (await fetch(`${stack.url}/v1/images/${id}.png`)).bytes();
        assert.equal(await sha256(bytes), imagesOf(events)[i]);
      }
      const single = await generate(stack.url, { ...base, cutoff: { guided_steps: 25 } });
      const end = single.at(-1)?.event;
      assert(end?.type === "generation.completed" && end.cached);
      const sweep = await (await postSweep(stack, "application/json")).json();
      assert.deepEqual([sweep.cached, sweep.evaluations], [true, completed?.evaluations]);
      const svg = await (await fetch(stack.url + sweep.links.sheet)).text();
      const sheet = events.at(-2)?.event;
      assert(sheet?.type === "sweep.sheet");
      assert.equal(svg, sheet.svg);
      assert.equal(await readMetric(stack.gpuUrl, ROWS), before);
    },
  );
};
