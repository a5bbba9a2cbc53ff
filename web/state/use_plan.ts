import { useEffect, useState } from "preact/hooks";
import type { Plan } from "../../contract/plan/plan.ts";
import type { Problem } from "../../contract/problem.ts";
import type { ApiClient, RequestBody } from "../../client/api_client.ts";
import { problemOf } from "./use_models.ts";

/** Long enough to skip most letters of a word, short enough to follow a dragged handle. */
const DEBOUNCE_MS = 90;

export interface PlanState {
  /** The last plan. It is kept while a newer draft cannot be planned. */
  readonly plan: Plan | null;
  readonly problem: Problem | null;
}

export interface Planned extends PlanState {
  /** Asks once more for the same draft. */
  again(): void;
}

/** The plan of the current draft. An answer to an older draft is dropped. */
export function usePlan(api: ApiClient, request: RequestBody | null): Planned {
  const [state, setState] = useState<PlanState>({ plan: null, problem: null });
  const [attempt, setAttempt] = useState(0);
  const key = request === null ? null : JSON.stringify(request);
  useEffect(() => {
    if (request === null) return setState(({ plan }) => ({ plan, problem: null }));
    const asked = new AbortController();
    const settle = (next: (state: PlanState) => PlanState) => {
      if (!asked.signal.aborted) setState(next);
    };
    const timer = setTimeout(() => {
      api.plan(request, asked.signal).then(
        (plan) => settle(() => ({ plan, problem: null })),
        (cause) => {
          if (!asked.signal.aborted) settle(({ plan }) => ({ plan, problem: problemOf(cause) }));
        },
      );
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      asked.abort();
    };
  }, [api, key, attempt]);
  return { ...state, again: () => setAttempt((count) => count + 1) };
}
