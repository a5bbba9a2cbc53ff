/** Keeps drawn images by content key, so that an interrupted command goes on where it stopped. */
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type GenerationRequestInput,
  parseGenerationRequest,
  type Plan,
  ProblemError,
} from "../../../contract/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { readImage } from "../../pictures/image_file.ts";
import { writeWhole } from "../../command_line/whole_file.ts";

/** A request with its seed, which fixes the image. */
export type Drawing = GenerationRequestInput & { readonly seed: number };

export interface GenerationCache {
  holds(drawing: Drawing): boolean;
  /** Returns the image from the folder, or draws and keeps it. */
  image(drawing: Drawing): Promise<RgbImage>;
}

/** @param folder created if missing; one per model digest keeps it tidy */
export async function openGenerationCache(
  engine: Engine,
  folder: string,
): Promise<GenerationCache> {
  await mkdir(folder, { recursive: true });
  const fileOf = (plan: Plan) => join(folder, `${plan.id}.png`);
  /** Settings that come to the same are drawn once, though they may be asked for at one time. */
  const underWay = new Map<string, Promise<void>>();
  const keep = async (plan: Plan) => await writeWhole(fileOf(plan), await draw(engine, plan));
  return {
    holds: (drawing) => existsSync(fileOf(planOf(engine, drawing))),
    async image(drawing) {
      const plan = planOf(engine, drawing);
      const file = fileOf(plan);
      if (!existsSync(file)) {
        const drawing = underWay.get(plan.id) ?? keep(plan);
        underWay.set(plan.id, drawing);
        await drawing.finally(() => underWay.delete(plan.id));
      }
      return await readImage(file);
    },
  };
}

/**
 * Previews would be seen by nobody here; the image and its key are the same without them.
 * @throws ProblemError for a request that the model cannot serve
 */
export function planOf(engine: Engine, drawing: Drawing, previewEvery = 0): Plan {
  const request = parseGenerationRequest({
    ...drawing,
    previews: { every: previewEvery },
    output_format: "png",
  });
  if (!request.ok) throw new ProblemError(request.problem);
  const plan = engine.plan(request.value);
  if (!plan.ok) throw new ProblemError(plan.problem);
  return plan.value;
}

async function draw(engine: Engine, plan: Plan): Promise<Uint8Array> {
  for await (const event of engine.generate(plan, new AbortController().signal)) {
    if (event.type === "generation.image") return Buffer.from(event.data, "base64");
  }
  throw new Error("The run ended without its image");
}
