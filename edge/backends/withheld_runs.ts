/** A back end whose flagged images the edge withholds, since it does not withhold them itself. */
import type { NumberedEvent, Parsed } from "../../contract/mod.ts";
import { isFlagged, refuseFlagged, type Withholding } from "../policy/withheld_images.ts";
import type { GpuBackend } from "./gpu_backend.ts";

/** Previews are sent by then: only the GPU function knows beforehand that a check will follow. */
export function withholdDrawn(backend: GpuBackend, { withholdsFlagged }: Withholding): GpuBackend {
  if (!withholdsFlagged) return backend;
  return {
    async submit(submission, after): ReturnType<GpuBackend["submit"]> {
      const submitted: Parsed<AsyncGenerator<NumberedEvent>> = await backend.submit(
        submission,
        after,
      );
      return submitted.ok ? { ok: true, value: untilFlagged(submitted.value) } : submitted;
    },
    cancel: (id) => backend.cancel(id),
    health: () => backend.health(),
  };
}

async function* untilFlagged(events: AsyncGenerator<NumberedEvent>): AsyncGenerator<NumberedEvent> {
  for await (const numbered of events) {
    yield refuseFlagged(numbered);
    if (isFlagged(numbered.event)) return;
  }
}
