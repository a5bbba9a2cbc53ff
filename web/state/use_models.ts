import { useEffect, useState } from "preact/hooks";
import type { ModelManifest } from "../../contract/model_manifest.ts";
import { type Problem, ProblemError } from "../../contract/problem.ts";
import type { ApiClient } from "../../client/api_client.ts";

export interface Models {
  readonly models: readonly ModelManifest[];
  readonly problem: Problem | null;
}

/** The installed models, fetched once. */
export function useModels(api: ApiClient): Models {
  const [state, setState] = useState<Models>({ models: [], problem: null });
  useEffect(() => {
    api.models().then(
      (models) => setState({ models, problem: null }),
      (cause) => setState({ models: [], problem: problemOf(cause) }),
    );
  }, [api]);
  return state;
}

/** @throws any cause that is no ProblemError */
export function problemOf(cause: unknown): Problem {
  if (cause instanceof ProblemError) return cause.problem;
  throw cause;
}
