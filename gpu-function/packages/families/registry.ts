/** The families by the pipeline class of `model_index.json`. A new one is a file beside this one and a line here. */
import type { ModelFamily } from "./model_family.ts";
import { PIXART_ALPHA } from "./pixart_alpha.ts";
import { STABLE_DIFFUSION } from "./stable_diffusion.ts";

export const FAMILIES: readonly ModelFamily[] = [STABLE_DIFFUSION, PIXART_ALPHA];

/** @throws RangeError naming the classes that can be served */
export function familyOf(pipeline: string): ModelFamily {
  const family = FAMILIES.find(({ pipelines }) => pipelines.includes(pipeline));
  if (family) return family;
  const known = FAMILIES.flatMap(({ pipelines }) => pipelines).join(", ");
  throw new RangeError(`_class_name: must be one of ${known}, given ${JSON.stringify(pipeline)}`);
}
