/** Keeps runs with their insights by content key, like the images. */
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type GenerationEvent,
  type GenerationEventOf,
  type GenerationEventType,
  type Insight,
  parseGenerationEvent,
  type Plan,
} from "../../../contract/mod.ts";
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import type { RgbImage } from "../../../gpu-function/image/rgb.ts";
import { type Drawing, planOf } from "./generation_cache.ts";
import { readImage } from "../../pictures/image_file.ts";
import { writeWhole } from "../../command_line/whole_file.ts";

export interface ObservedRun {
  readonly plan: Plan;
  readonly image: RgbImage;
  /** Returns the events of one type in order of steps. */
  eventsOf<T extends GenerationEventType>(type: T): GenerationEventOf<T>[];
  /** @throws Error unless there is exactly one such event */
  eventOf<T extends GenerationEventType>(type: T): GenerationEventOf<T>;
}

export interface ObservedRuns {
  /**
   * Returns the run from the folder, or runs and keeps it.
   * @param insight null keeps what every run reports: steps, cutoff, evaluations
   * @param mapEvery steps between attention maps
   * @throws ProblemError for an insight that the model's package cannot give
   */
  observe(drawing: Drawing, insight: Insight | null, mapEvery?: number): Promise<ObservedRun>;
}

export async function openObservedRuns(engine: Engine, folder: string): Promise<ObservedRuns> {
  await mkdir(folder, { recursive: true });
  return {
    async observe(drawing, insight, mapEvery = 0) {
      const insights = insight === null ? [] : [insight];
      const plan = planOf(engine, { ...drawing, insights }, mapEvery);
      const name = `${insight ?? "run"}${mapEvery === 0 ? "" : `-${mapEvery}`}`;
      const file = join(folder, `${plan.id}.${name}.json`);
      const picture = join(folder, `${plan.id}.png`);
      if (!existsSync(file) || !existsSync(picture)) await run(engine, plan, { file, picture });
      const events = readEvents(await readFile(file, "utf8"), file);
      const eventsOf = <T extends GenerationEventType>(type: T) =>
        events.filter((event): event is GenerationEventOf<T> => event.type === type);
      return {
        plan,
        image: await readImage(picture),
        eventsOf,
        eventOf(type) {
          const [event, another] = eventsOf(type);
          if (event && !another) return event;
          throw new Error(`A run must have one ${type}, given ${another ? "several" : "none"}`);
        },
      };
    },
  };
}

const KEPT = /^generation\.(step|cutoff|attention|frequency|guidance|completed)/;

async function run(
  engine: Engine,
  plan: Plan,
  { file, picture }: { readonly file: string; readonly picture: string },
): Promise<void> {
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate(plan, new AbortController().signal)) {
    if (KEPT.test(event.type)) events.push(event);
    if (event.type === "generation.image") {
      await writeWhole(picture, Buffer.from(event.data, "base64"));
    }
  }
  await writeWhole(file, JSON.stringify(events));
}

function readEvents(text: string, file: string): GenerationEvent[] {
  return (JSON.parse(text) as unknown[]).map((input) => {
    const event = parseGenerationEvent(input);
    if (event.ok) return event.value;
    throw new RangeError(`${file} must hold events of this version; remove it to run again`);
  });
}
