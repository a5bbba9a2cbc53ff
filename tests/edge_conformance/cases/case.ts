/** One behaviour of the edge, tested on each platform. */
import type { ConformanceClient } from "../../support/conformance_client.ts";

export interface Case {
  readonly name: string;
  run(client: ConformanceClient): Promise<void>;
}
