/** A demo as JSON: enough for a gallery, with links to the rest. */
import { type DemoPlan, demoPlan } from "../../contract/mod.ts";
import type { ListedDemo } from "../../db/demo_queries.ts";
import { generationPath, imagePath, type ImageResource } from "./generation_resource.ts";

export interface DemoResource {
  readonly slug: string;
  readonly title: string;
  /** The plan without its tables. */
  readonly plan: DemoPlan;
  readonly image: Omit<ImageResource, "safety">;
  readonly links: {
    readonly generation: string;
    readonly events: string;
  };
}

/** Null while its generation is not stored: there is nothing to show at once. */
export function describeDemo({ slug, title, result }: ListedDemo): DemoResource | null {
  if (!result) return null;
  const { plan, image } = result;
  const self = generationPath(plan.id);
  return {
    slug,
    title,
    plan: demoPlan(plan),
    image: { url: imagePath(plan), ...image },
    links: { generation: self, events: `${self}/events` },
  };
}
