import { useEffect, useState } from "preact/hooks";
import type { ApiClient } from "../../client/api_client.ts";
import type { Demo } from "../../client/demo.ts";

/** The curated demos, fetched once. A failure counts as no demos, since the page works without. */
export function useDemos(api: ApiClient): readonly Demo[] {
  const [demos, setDemos] = useState<readonly Demo[]>([]);
  useEffect(() => {
    api.demos().then(setDemos, () => setDemos([]));
  }, [api]);
  return demos;
}
