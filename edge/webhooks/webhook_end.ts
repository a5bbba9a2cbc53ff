/** The end of a generation or sweep as a webhook reports it: what `GET` of its address shows. */
import type { GenerationResource, SweepResource } from "../../contract/mod.ts";

export type Resource = GenerationResource | SweepResource;

export interface WebhookEnd {
  /** Its address, such as `/v1/generations/…`. */
  readonly subject: string;
  /** Named like the terminal event of its stream. */
  readonly type: `${"generation" | "sweep"}.${"completed" | "failed" | "canceled"}`;
  readonly resource: Resource;
}

const END_NAMES = { succeeded: "completed", failed: "failed", canceled: "canceled" } as const;

/** Returns null while it runs. */
export function endOfResource(resource: Resource): WebhookEnd | null {
  const { status, links: { self } } = resource;
  if (status === "running") return null;
  const kind = self.startsWith("/v1/sweeps/") ? "sweep" : "generation";
  return { subject: self, type: `${kind}.${END_NAMES[status]}`, resource };
}
