import { useReducer, useRef } from "preact/hooks";
import type { ApiClient, GenerationNews, RequestBody } from "../../client/api_client.ts";
import type { Demo } from "../../client/demo.ts";
import { type GenerationView, IDLE, reduceGeneration } from "./generation_view.ts";
import { problemOf } from "./use_models.ts";

export interface Generation {
  readonly view: GenerationView;
  run(request: RequestBody): void;
  /** Plays a stored run, in place of another one that is being played. */
  replay(demo: Demo): void;
  cancel(): void;
  edited(): void;
  unveil(): void;
}

/** One generation at a time: runs, follows and cancels it. */
export function useGeneration(api: ApiClient): Generation {
  const [view, dispatch] = useReducer(reduceGeneration, IDLE);
  // A ref, since a key pressed between two renderings must find the current run.
  const current = useRef<Run | null>(null);

  async function follow(run: Run, events: AsyncGenerator<GenerationNews>): Promise<void> {
    const started = performance.now();
    for await (const event of events) {
      if (current.current !== run) return;
      dispatch({ type: "received", event, elapsedMs: performance.now() - started });
      if (event.type === "generation.queued") run.id = event.id;
      if (run.id !== null && run.cancelWanted) {
        run.cancelWanted = false;
        api.cancel(run.id).catch(fail);
      }
    }
  }

  function begin(run: Run, events: AsyncGenerator<GenerationNews>): void {
    current.current = run;
    dispatch({ type: run.watching === null ? "submitted" : "replayed" });
    const isCurrent = () => current.current === run;
    follow(run, events)
      .catch((cause) => isCurrent() ? fail(cause) : undefined)
      .finally(() => isCurrent() ? current.current = null : undefined);
  }

  const fail = (cause: unknown) => dispatch({ type: "broken", problem: problemOf(cause) });
  return {
    view,
    run(request) {
      if (current.current !== null) return;
      begin({ id: null, cancelWanted: false, watching: null }, api.generate(request));
    },
    replay(demo) {
      if (current.current !== null && current.current.watching === null) return;
      current.current?.watching?.abort();
      const watching = new AbortController();
      begin({ id: null, cancelWanted: false, watching }, api.replay(demo, watching.signal));
    },
    cancel() {
      const run = current.current;
      if (run === null) return;
      if (run.watching !== null) {
        run.watching.abort();
        current.current = null;
        return dispatch({ type: "left" });
      }
      // Before the first event there is no id, so the cancel is sent once there is one.
      if (run.id === null) run.cancelWanted = true;
      else api.cancel(run.id).catch(fail);
    },
    edited: () => dispatch({ type: "edited" }),
    unveil: () => dispatch({ type: "unveiled" }),
  };
}

interface Run {
  id: string | null;
  cancelWanted: boolean;
  /** Stops the watching of a stored run; null for a new run, which is canceled instead. */
  readonly watching: AbortController | null;
}
