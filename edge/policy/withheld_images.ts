/**
 * Images that a model's safety checker flagged, where they are to be withheld (`GPU_SAFETY=refuse`). The GPU
 * function withholds what it draws from then on; here is what was stored before. A back end that was set
 * otherwise is wrapped (`backends/withheld_runs.ts`). All end as a run does that is refused: no preview, no
 * image, `image_refused`.
 */
import { type GenerationEvent, imageWithheld, type NumberedEvent } from "../../contract/mod.ts";
import type { Results } from "../../db/result_queries.ts";
import type { PolicySettings } from "./policy_settings.ts";

export type Withholding = Pick<PolicySettings, "withholdsFlagged">;

export function isFlagged(event: GenerationEvent): boolean {
  return event.type === "generation.image" && event.safety?.flagged === true;
}

/** Unless withheld, the same. Where an image is, its generation has failed, and the image is not there. */
export function withholdStored(results: Results, { withholdsFlagged }: Withholding): Results {
  if (!withholdsFlagged) return results;
  const withhold = <Found extends { readonly events: readonly NumberedEvent[] }>(
    found: Found | null,
  ) => found && { ...found, events: withoutFlagged(found.events) };
  return {
    ...results,
    find: async (id) => withhold(await results.find(id)),
    replay: async (id) => withhold(await results.replay(id)),
    async image(id) {
      const image = await results.image(id);
      return image?.flagged ? null : image;
    },
  };
}

/** Under the ids that they had, so that whoever resumes sees the one end. */
function withoutFlagged(events: readonly NumberedEvent[]): readonly NumberedEvent[] {
  const end = events.findIndex(({ event }) => isFlagged(event));
  if (end < 0) return events;
  return events.slice(0, end + 1)
    .filter(({ event }) => event.type !== "generation.preview")
    .map(refuseFlagged);
}

/** In the place of the image its refusal, under the same id; anything else as it is. */
export function refuseFlagged(numbered: NumberedEvent): NumberedEvent {
  if (!isFlagged(numbered.event)) return numbered;
  return { ...numbered, event: { type: "generation.failed", error: imageWithheld() } };
}
