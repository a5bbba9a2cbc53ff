// With a container's limit ignored, threads hold each other up: 50 steps at one CPU took twice as long.
import assert from "node:assert/strict";
import { threadCount } from "./thread_count.ts";

const CASES = [
  { asked: 0, allowed: 8, present: 8, threads: 0 },
  { asked: 0, allowed: 1, present: 8, threads: 1 },
  { asked: 0, allowed: 3, present: 64, threads: 3 },
  { asked: 0, allowed: 0, present: 4, threads: 1 },
  { asked: 5, allowed: 1, present: 8, threads: 5 },
  { asked: 2, allowed: 8, present: 8, threads: 2 },
];

for (const { asked, allowed, present, threads } of CASES) {
  Deno.test(`asked for ${asked} with ${allowed} of ${present} processors: ${threads}`, () => {
    assert.equal(threadCount(asked, { allowed, present }), threads);
  });
}
