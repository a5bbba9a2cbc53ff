// Broken here: two runs overlap, one is charged for its wait, or a failed one takes the others with it.
import assert from "node:assert/strict";
import { Turns } from "./turns.ts";

Deno.test("turns come one at a time, in order, also after one that failed", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const run = (name: string) => async () => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (name === "b") throw new Error("b is broken");
    log.push(`${name} ends`);
    return name;
  };
  const [a, b, c] = await Promise.allSettled(["a", "b", "c"].map((name) => turns.take(run(name))));
  assert.deepEqual(log, ["a begins", "a ends", "b begins", "c begins", "c ends"]);
  assert.equal(a?.status === "fulfilled" && a.value.value, "a");
  assert.match(b?.status === "rejected" ? String(b.reason) : "", /b is broken/);
  assert.equal(c?.status === "fulfilled" && c.value.value, "c");
});
