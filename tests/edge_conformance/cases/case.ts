/** One thing that the edge does, tried on each platform. */
import type { ConformanceClient } from "../../support/conformance_client.ts";

export interface Case {
  readonly name: string;
  run(client: ConformanceClient): Promise<void>;
}
