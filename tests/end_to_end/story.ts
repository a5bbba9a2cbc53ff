/** A part of the end-to-end test, on a service that other parts have used before. */
import type { Stack } from "../../scripts/service/stack.ts";

export interface RunningService {
  /** The running stack, replaced by a restart. */
  readonly stack: Stack;
  /** Restarts all processes; what they had stored remains. */
  restart(): Promise<void>;
}

export type Story = (t: Deno.TestContext, service: RunningService) => Promise<void>;

/** Steps that each need those before, so the first one that fails ends the story. */
export function inOrder(t: Deno.TestContext) {
  return async (name: string, body: () => Promise<void>): Promise<void> => {
    if (!await t.step(name, body)) throw new Error(`Stopped after: ${name}`);
  };
}
