import { useReducer, useRef } from "preact/hooks";
import type { ApiClient } from "./api_client.ts";
import { type GenerationView, IDLE, reduceGeneration } from "./generation_view.ts";
import type { RequestBody } from "./request_draft.ts";
import { problemOf } from "./use_models.ts";

export interface Generation {
  readonly view: GenerationView;
  run(request: RequestBody): void;
  cancel(): void;
  edited(): void;
}

/** One generation at a time: runs, follows and cancels it. */
export function useGeneration(api: ApiClient): Generation {
  const [view, dispatch] = useReducer(reduceGeneration, IDLE);
  // Not the view: a key pressed between two renderings has to find the run that it sees.
  const current = useRef<Run | null>(null);

  async function follow(request: RequestBody): Promise<void> {
    const started = performance.now();
    const run: Run = { id: null, cancelWanted: false };
    current.current = run;
    dispatch({ type: "submitted" });
    for await (const event of api.generate(request)) {
      dispatch({ type: "received", event, elapsedMs: performance.now() - started });
      if (event.type === "generation.queued") run.id = event.id;
      if (run.id !== null && run.cancelWanted) {
        run.cancelWanted = false;
        api.cancel(run.id).catch(fail);
      }
    }
  }

  const fail = (cause: unknown) => dispatch({ type: "broken", problem: problemOf(cause) });
  return {
    view,
    run(request) {
      if (current.current !== null) return;
      follow(request).catch(fail).finally(() => current.current = null);
    },
    cancel() {
      const run = current.current;
      if (run === null) return;
      // Before the first event there is no id to cancel: it follows as soon as there is one.
      if (run.id === null) run.cancelWanted = true;
      else api.cancel(run.id).catch(fail);
    },
    edited: () => dispatch({ type: "edited" }),
  };
}

interface Run {
  id: string | null;
  cancelWanted: boolean;
}
