import { useReducer, useRef } from "preact/hooks";
import type { ApiClient, SweepBody } from "../../client/api_client.ts";
import { NO_SWEEP, reduceSweep, type SweepView } from "./sweep_view.ts";
import { problemOf } from "./use_models.ts";

export interface Sweep {
  readonly view: SweepView;
  run(request: SweepBody): void;
  cancel(): void;
}

/** One sweep at a time: runs, follows and cancels it. */
export function useSweep(api: ApiClient): Sweep {
  const [view, dispatch] = useReducer(reduceSweep, NO_SWEEP);
  const current = useRef<{ id: string | null } | null>(null);
  const fail = (cause: unknown) => dispatch({ type: "broken", problem: problemOf(cause) });

  async function follow(request: SweepBody): Promise<void> {
    const run: { id: string | null } = { id: null };
    current.current = run;
    dispatch({ type: "submitted" });
    for await (const event of api.sweep(request)) {
      if (event.type === "sweep.planned") run.id = event.id;
      dispatch({ type: "received", event });
    }
  }

  return {
    view,
    run(request) {
      if (current.current !== null) return;
      follow(request).catch(fail).finally(() => current.current = null);
    },
    cancel() {
      // The first event is the plan, with the id. A cancel before it does nothing.
      const id = current.current?.id ?? null;
      if (id !== null) api.cancelSweep(id).catch(fail);
    },
  };
}
