/** Shows what is known of a demo as its resource. */
import { demoPlan, type DemoResource } from "../../contract/mod.ts";
import type { ListedDemo } from "../../db/demo_queries.ts";
import { generationPath, imagePath } from "./generation_resource.ts";

/** Returns null while its generation is not stored, since there is nothing to show at once. */
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
