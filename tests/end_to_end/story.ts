/** A part of the end-to-end test, told to a service that others have used before. */
import type { Stack } from "../../scripts/service/stack.ts";

export interface RunningService {
  /** Another one after a restart. */
  readonly stack: Stack;
  /** Restarts all its processes; what they had stored is there. */
  restart(): Promise<void>;
}

export type Story = (t: Deno.TestContext, service: RunningService) => Promise<void>;

/** Steps of which each needs those before: the first that fails ends the story. */
export function inOrder(t: Deno.TestContext) {
  return async (name: string, body: () => Promise<void>): Promise<void> => {
    if (!await t.step(name, body)) throw new Error(`Stopped after: ${name}`);
  };
}
