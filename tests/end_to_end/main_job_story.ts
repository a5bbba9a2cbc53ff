/** The main use of the service, as one story in order, with a restart of everything at its end. */
import assert from "node:assert/strict";
import OpenAI from "openai";
import type {
  GenerationEventOf,
  GenerationEventType,
  GenerationRequestInput,
} from "../../contract/mod.ts";
import type { Stack } from "../../scripts/service/stack.ts";
import {
  generate,
  type NumberedEvent,
  postGeneration,
  readEvents,
  readMetric,
  sha256,
} from "./service_client.ts";
import { inOrder, type Story } from "./story.ts";

const RUNS = "shapefirst_generations_started_total";
const ROWS = "shapefirst_unet_rows_total";

function only<T extends GenerationEventType>(
  events: readonly NumberedEvent[],
  type: T,
): GenerationEventOf<T>[] {
  return events.map(({ event }) => event)
    .filter((event): event is GenerationEventOf<T> => event.type === type);
}

async function image(stack: Stack, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(`${stack.url}/v1/images/${id}.png`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("cache-control") ?? "", /immutable/);
  return await response.bytes();
}

/** Reads a generation's stream up to an event, and drops the connection. */
async function leave(stack: Stack, request: GenerationRequestInput, after: number) {
  const head = await readEvents(await postGeneration(stack.url, request), (e) => e.id === after);
  const planned = only(head, "generation.planned")[0];
  assert(planned);
  const { plan } = planned;
  return { head, plan, events: `${stack.url}/v1/generations/${plan.id}/events` };
}

export const mainJob: Story = async (t, service) => {
  const step = inOrder(t);
  let id = "";
  let first: NumberedEvent[] = [];
  let bytes = new Uint8Array();

  await step("One POST streams planned, steps, previews, image, completed in order", async () => {
    first = await generate(service.stack.url, { prompt: "a blue bird", seed: 7 });
    const types = first.map(({ event }) => event.type);
    assert.deepEqual(types.slice(0, 2), ["generation.queued", "generation.planned"]);
    assert.deepEqual(types.slice(-2), ["generation.image", "generation.completed"]);
    assert.deepEqual(first.map((e) => e.id), first.map((_, i) => i));
    assert.deepEqual(only(first, "generation.step").map((e) => e.step), [...Array(50).keys()]);
    const previews = only(first, "generation.preview");
    assert.deepEqual(previews.map((e) => e.step), [4, 9, 14, 19, 24, 29, 34, 39, 44]);
    assert.equal(new Set(previews.map((e) => e.data)).size, previews.length);
    const [completed] = only(first, "generation.completed");
    assert(completed && !completed.cached);
    assert.deepEqual(completed.evaluations, {
      planned: 100,
      spent: 100,
      shared: 0,
      full: 100,
      saved: 0,
    });
    id = completed.id;
  });

  await step("The image stands at its URL, byte for byte as streamed", async () => {
    bytes = await image(service.stack, id);
    const [streamed] = only(first, "generation.image");
    assert(streamed);
    assert.deepEqual(bytes, Uint8Array.fromBase64(streamed.data));
    assert.equal(await sha256(bytes), streamed.sha256);
  });

  await step("The second call answers from the database and leaves the GPU alone", async () => {
    const before = await readMetric(service.stack.gpuUrl, ROWS);
    const again = await generate(service.stack.url, { prompt: "A  blue bird", seed: 7 });
    assert.equal(only(again, "generation.completed")[0]?.cached, true);
    assert.equal(
      only(again, "generation.image")[0]?.data,
      only(first, "generation.image")[0]?.data,
    );
    assert.equal(only(again, "generation.preview").length, 9);
    assert.equal(await readMetric(service.stack.gpuUrl, ROWS), before);
  });

  await step("Half of the guidance costs exactly 75 of 100 evaluations", async () => {
    const before = await readMetric(service.stack.gpuUrl, ROWS);
    const request = { prompt: "a red car", seed: 8, cutoff: { guided_steps: 25 } };
    const events = await generate(service.stack.url, request);
    assert.deepEqual(only(events, "generation.completed")[0]?.evaluations, {
      planned: 75,
      spent: 75,
      shared: 0,
      full: 100,
      saved: 0.25,
    });
    assert.equal(await readMetric(service.stack.gpuUrl, ROWS) - before, 75);
    assert.equal(only(events, "generation.cutoff")[0]?.step, 25);
  });

  await step("Another cutoff for a prompt that has run evaluates its tail alone", async () => {
    // The first of its 25 rows is also the unconditional row of the guided step in its place.
    const before = await readMetric(service.stack.gpuUrl, ROWS);
    const request = { prompt: "a blue bird", seed: 7, cutoff: { guided_steps: 25 } };
    const [completed] = only(await generate(service.stack.url, request), "generation.completed");
    assert.deepEqual([completed?.evaluations.spent, completed?.evaluations.shared], [24, 51]);
    assert.equal(await readMetric(service.stack.gpuUrl, ROWS) - before, 24);
  });

  await step("50 identical POSTs cause one generation and get 50 complete streams", async () => {
    const before = await readMetric(service.stack.gpuUrl, RUNS);
    const request = { prompt: "a green frog", seed: 3 };
    const streams = await Promise.all(
      Array.from({ length: 50 }, () => generate(service.stack.url, request)),
    );
    assert.equal(await readMetric(service.stack.gpuUrl, RUNS) - before, 1);
    const images = new Set(streams.map((events) => only(events, "generation.image")[0]?.sha256));
    assert.equal(images.size, 1);
    for (const events of streams) {
      assert.deepEqual(events.map((e) => e.id), events.map((_, i) => i));
      assert.equal(events.at(-1)?.event.type, "generation.completed");
    }
  });

  await step("OpenAI's client streams a run's previews, and finds the native image", async () => {
    const client = new OpenAI({
      baseURL: `${service.stack.url}/v1`,
      apiKey: "none",
      defaultHeaders: { Authorization: null },
    });
    const prompt = "a red key";
    const events = await Array.fromAsync(
      await client.images.generate({ prompt, stream: true, partial_images: 3 }),
    );
    assert.deepEqual(events.map(({ type }) => type), [
      ...Array(3).fill("image_generation.partial_image"),
      "image_generation.completed",
    ]);
    assert.equal(new Set(events.map(({ b64_json }) => b64_json)).size, 4);
    const { generation } = events.at(-1) as unknown as { generation: { seed: number } };
    const native = await generate(service.stack.url, { prompt, seed: generation.seed });
    assert.equal(only(native, "generation.completed")[0]?.cached, true);
    assert.equal(only(native, "generation.image")[0]?.data, events.at(-1)?.b64_json);
  });

  await step("A stream cut after event n resumes with exactly the rest", async () => {
    const request = { prompt: "a yellow star", seed: 4 };
    const { head, events } = await leave(service.stack, request, 20);
    const resume = (n: number) => fetch(events, { headers: { "last-event-id": String(n) } });
    const tail = await readEvents(await resume(20));
    const whole = await generate(service.stack.url, request);
    assert.deepEqual([...head, ...tail].map((e) => e.id), whole.map((e) => e.id));
    const late = await readEvents(await resume(20));
    assert.deepEqual(late.map((e) => e.id), tail.map((e) => e.id));
    assert.equal((await resume(whole.length - 1)).status, 204);
  });

  await step("A client that leaves does not stop the generation", async () => {
    const request = { prompt: "a purple crown", seed: 5, num_inference_steps: 30 };
    const { plan, events } = await leave(service.stack, request, 4);
    await readEvents(await fetch(events));
    assert.equal((await image(service.stack, plan.id)).length > 0, true);
  });

  await step("JSON is the answer when no stream is asked for", async () => {
    const response = await postGeneration(
      service.stack.url,
      { prompt: "a brown dog", seed: 6, num_inference_steps: 10, output_format: "webp" },
      "application/json",
    );
    assert.equal(response.status, 200);
    const { image } = await response.json();
    const webp = await (await fetch(new URL(image.url, service.stack.url))).bytes();
    assert.equal(await sha256(webp), image.sha256);
    assert.equal(new TextDecoder().decode(webp.slice(8, 12)), "WEBP");
  });

  await step(
    "Without the GPU function: 503 for new work, plans and results as ever",
    async () => {
      await service.stack.gpu.stop("SIGKILL");
      const refused = await postGeneration(service.stack.url, { prompt: "a pink cat", seed: 1 });
      assert.equal(refused.status, 503);
      assert(Number(refused.headers.get("retry-after")) > 0);
      assert.equal((await refused.json()).code, "gpu_unavailable");
      const plan = await fetch(`${service.stack.url}/v1/plans`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: "a pink cat", cutoff: { a: 10 } }),
      });
      assert.equal((await plan.json()).evaluations.planned, 90);
      const again = await generate(service.stack.url, { prompt: "a blue bird", seed: 7 });
      assert.equal(only(again, "generation.completed")[0]?.cached, true);
    },
  );

  await step(
    "After a restart of everything the result is still there, byte for byte",
    async () => {
      await service.restart();
      const again = await generate(service.stack.url, { prompt: "a blue bird", seed: 7 });
      assert.equal(only(again, "generation.completed")[0]?.cached, true);
      assert.deepEqual(await image(service.stack, id), bytes);
      assert.equal(await readMetric(service.stack.gpuUrl, ROWS), 0);
    },
  );
};
