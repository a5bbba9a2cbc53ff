import { useEffect, useState } from "preact/hooks";
import type { ApiClient } from "../../client/api_client.ts";
import type { Demo } from "../../client/demo.ts";

/** The curated demos, asked for once. None where the service has none or does not say: nobody needs them. */
export function useDemos(api: ApiClient): readonly Demo[] {
  const [demos, setDemos] = useState<readonly Demo[]>([]);
  useEffect(() => {
    api.demos().then(setDemos, () => setDemos([]));
  }, [api]);
  return demos;
}
