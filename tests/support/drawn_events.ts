/** All events of a run without a GPU function, with pictures of made-up bytes. */
import { createHash } from "node:crypto";
import {
  createProblem,
  type GenerationEvent,
  parseOwnedRequest,
  phaseOfStep,
  type Plan,
  planGeneration,
} from "../../contract/mod.ts";
import { planningModel } from "../../contract/fixtures/planning_model.ts";

export function planOf(input: unknown): Plan {
  const request = parseOwnedRequest(input);
  if (!request.ok) throw new Error(request.problem.detail);
  const { seed } = request.value;
  if (seed === undefined) throw new Error("The edge has to draw the seed");
  const plan = planGeneration({ ...request.value, seed }, planningModel());
  if (!plan.ok) throw new Error(plan.problem.detail);
  return plan.value;
}

/** What may be unusual in a run. */
export interface Drawing {
  readonly imageBytes?: number;
  readonly previewBytes?: number;
  readonly wrongSha256?: boolean;
  /** The safety checker's verdict on the image; absent where the model has none. */
  readonly flagged?: boolean;
  /** Ends with a problem instead of the image. */
  readonly fail?: boolean;
}

/** The whole run of a plan, the same every time. */
export function drawEvents(plan: Plan, drawing: Drawing = {}): GenerationEvent[] {
  const { num_inference_steps, output_format, width, height } = plan;
  const media_type = `image/${output_format}` as const;
  const picture = (bytes: Uint8Array) => ({ media_type, width, height, data: bytes.toBase64() });
  const image = drawBytes(plan.id, drawing.imageBytes ?? 300);
  const events: GenerationEvent[] = [
    { type: "generation.queued", id: plan.id },
    { type: "generation.planned", plan },
  ];
  let evaluations = 0;
  for (let step = 0; step < num_inference_steps; step++) {
    const { a, tail } = plan.cutoff;
    if (step === num_inference_steps - a) events.push({ type: "generation.cutoff", step, tail });
    const { rows } = phaseOfStep(plan.phases, step);
    evaluations += rows;
    const timestep = 999 - step;
    const guidance_norm_ratio = rows === 2 ? 0.5 : null;
    events.push({
      type: "generation.step",
      step,
      num_inference_steps,
      timestep,
      evaluations,
      guidance_norm_ratio,
    });
    events.push(...drawInsights(plan, step));
    if (plan.previews.steps.includes(step)) {
      const { method } = plan.previews;
      const bytes = drawBytes(`${plan.id} ${step}`, drawing.previewBytes ?? 60);
      events.push({ type: "generation.preview", step, method, ...picture(bytes) });
    }
  }
  if (drawing.fail) {
    const error = createProblem("internal", "The engine broke off");
    return [...events, { type: "generation.failed", error }];
  }
  const sha256 = drawing.wrongSha256
    ? "0".repeat(64)
    : createHash("sha256").update(image).digest("hex");
  const safety = drawing.flagged === undefined ? {} : { safety: { flagged: drawing.flagged } };
  events.push({ type: "generation.image", ...picture(image), sha256, ...safety });
  events.push({
    type: "generation.completed",
    id: plan.id,
    evaluations: { ...plan.evaluations, spent: evaluations, shared: 0 },
    determinism: "bitwise",
    timings: { total_ms: 3, inference_ms: 2 },
    cached: false,
  });
  return events;
}

function drawInsights({ id, insights: { names, map_steps } }: Plan, step: number) {
  const maps = {
    width: 8,
    height: 4,
    tokens: [{ position: 1, max: 0.5, data: drawBytes(`${id} map ${step}`, 32).toBase64() }],
  };
  const events: Readonly<Record<(typeof names)[number], GenerationEvent>> = {
    attention: {
      type: "generation.attention",
      step,
      shares: { sos: 0.5, semantic: 0.25, eos: 0.25 },
      maps: map_steps.includes(step) ? maps : null,
    },
    frequency: {
      type: "generation.frequency",
      step,
      x: { low: 0.5, high: 1 },
      x0: { low: 1, high: 0.5 },
    },
    guidance: {
      type: "generation.guidance",
      step,
      unconditional_norm: 1,
      guidance_norm: 0.5,
      cosine: 0.75,
    },
  };
  return names.map((name) => events[name]);
}

/** Bytes of a given length that differ from name to name. */
function drawBytes(name: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = name.charCodeAt(i % name.length) ^ (i % 251);
  return bytes;
}
