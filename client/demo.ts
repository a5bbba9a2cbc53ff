/** A curated demo as the service lists it. */
import type { DemoPlan } from "../contract/plan/demo_plan.ts";
import { parseGenerationEvent } from "../contract/events/generation_event.ts";

export interface Demo {
  readonly slug: string;
  readonly title: string;
  readonly plan: DemoPlan;
  readonly image: { readonly url: string };
  readonly links: { readonly events: string };
}

/** The answer of `GET /v1/demos`. What is no demo, as of a newer service, is left out. */
export function parseDemos({ demos }: Readonly<Record<string, unknown>>): Demo[] {
  return Array.isArray(demos) ? demos.filter(isDemo) : [];
}

/** The paths are the service's own, since the page asks for whatever they name. */
function isDemo(input: unknown): input is Demo {
  const { slug, title, plan, image, links }: Record<string, unknown> = Object(input);
  return typeof slug === "string" && typeof title === "string" &&
    parseGenerationEvent({ type: "generation.planned", plan }).ok &&
    isPath(Object(image).url) && isPath(Object(links).events);
}

function isPath(input: unknown): input is string {
  return typeof input === "string" && input.startsWith("/v1/");
}
