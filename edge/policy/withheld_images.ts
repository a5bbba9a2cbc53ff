/**
 * Withholds images that a model's safety checker flagged (`GPU_SAFETY=refuse`). The GPU function
 * withholds what it draws itself; this file withholds what was stored before. A back end with
 * another setting is wrapped (`backends/withheld_runs.ts`). All end as a refused run does: with
 * `image_refused`, and without previews or an image.
 */
import { type GenerationEvent, imageWithheld, type NumberedEvent } from "../../contract/mod.ts";
import type { Results } from "../../db/result_queries.ts";
import type { PolicySettings } from "./policy_settings.ts";

export type Withholding = Pick<PolicySettings, "withholdsFlagged">;

export function isFlagged(event: GenerationEvent): boolean {
  return event.type === "generation.image" && event.safety?.flagged === true;
}

/** Changes only withheld results: their generation has failed, and their image is absent. */
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

/** Ids stay, so that a resuming client sees the one end. */
function withoutFlagged(events: readonly NumberedEvent[]): readonly NumberedEvent[] {
  const end = events.findIndex(({ event }) => isFlagged(event));
  if (end < 0) return events;
  return events.slice(0, end + 1)
    .filter(({ event }) => event.type !== "generation.preview")
    .map(refuseFlagged);
}

/** Replaces a flagged image by its refusal, under the same id; other events stay. */
export function refuseFlagged(numbered: NumberedEvent): NumberedEvent {
  if (!isFlagged(numbered.event)) return numbered;
  return { ...numbered, event: { type: "generation.failed", error: imageWithheld() } };
}
