/** The paper's controls together: what edge and GPU function plan is what they draw. */
import assert from "node:assert/strict";
import type { GenerationEvent, GenerationRequestInput, Plan } from "../../contract/mod.ts";
import { generate, postGeneration, readMetric } from "./service_client.ts";
import type { Story } from "./story.ts";

const ROWS = "shapefirst_unet_rows_total";

function find<T extends GenerationEvent["type"]>(events: readonly GenerationEvent[], type: T) {
  const found = events.find((event): event is Extract<GenerationEvent, { type: T }> =>
    event.type === type
  );
  assert(found, `no ${type}`);
  return found;
}

export const controls: Story = async (_, { stack }) => {
  const request: GenerationRequestInput = {
    prompt: "a blue bird",
    negative_prompt: "a red car",
    seed: 7,
    num_inference_steps: 6,
    sampler: "heun",
    cutoff: { guided_from: 1, guided_steps: 3, head: "cond", tail: "delta" },
    eos_swap: { prompt: "a brown wooden chair", scope: "first", to: 3 },
    token_states: { sos: "zeros" },
  };
  const ask = async (input: GenerationRequestInput) =>
    (await generate(stack.url, input)).map(({ event }) => event);

  const response = await fetch(`${stack.url}/v1/plans`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const { cached, unread, ...plan }: Plan & { cached: boolean; unread: object } = await response
    .json();
  assert.equal(cached, false);
  assert.deepEqual(unread, { prompt: [], negative_prompt: [], eos_swap: [] });
  assert.deepEqual(
    plan.phases.map((
      { from, to, conditioning, eos_swapped, rows },
    ) => [from, to, conditioning, eos_swapped, rows]),
    [
      [0, 1, "cond", true, 1],
      [1, 3, "guided", true, 2],
      [3, 4, "guided", false, 2],
      [4, 6, "delta", false, 1],
    ],
  );
  // Heun calls the model twice in every step but the last: 2 + 12 + 3 rows.
  assert.equal(plan.evaluations.planned, 17);

  const events = await ask(request);
  assert.deepEqual(find(events, "generation.planned").plan, plan);
  assert.equal(find(events, "generation.cutoff").step, 4);
  assert.equal(find(events, "generation.cutoff").tail, "delta");
  assert.equal(find(events, "generation.completed").evaluations.spent, 17);
  const image = find(events, "generation.image");

  const again = await ask({
    ...request,
    cutoff: { guided_from: 1, a: 2, head: "cond", tail: "delta" },
  });
  assert.equal(find(again, "generation.completed").cached, true);
  assert.equal(find(again, "generation.image").sha256, image.sha256);

  const others: readonly Partial<GenerationRequestInput>[] = [
    { eos_swap: { prompt: "a brown wooden chair", scope: "padding", to: 3 } },
    { cutoff: { guided_from: 1, guided_steps: 3, head: "cond" } },
    { cutoff: { guided_from: 1, guided_steps: 3, tail: "delta" } },
    { token_states: {} },
  ];
  const images = new Set([image.sha256]);
  for (const other of others) {
    images.add(find(await ask({ ...request, ...other }), "generation.image").sha256);
  }
  assert.equal(images.size, 1 + others.length);

  const before = await readMetric(stack.gpuUrl, ROWS);
  const refused = await postGeneration(stack.url, {
    ...request,
    cutoff: { guided_steps: 0, tail: "delta" },
  });
  assert.equal(refused.status, 422);
  assert.equal(
    (await refused.json()).detail,
    'cutoff.tail must be "null" or "cond" where no step is guided, given "delta"',
  );
  assert.equal(await readMetric(stack.gpuUrl, ROWS), before);
};
