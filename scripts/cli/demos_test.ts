// If this breaks, a demo that was typed wrongly is not refused before anything is asked.
import assert from "node:assert/strict";
import { runDemos } from "./demos.ts";

Deno.test("What is typed wrongly is refused in one sentence", async () => {
  const world = { say: () => {}, now: () => 1, environment: () => undefined, fetch };
  const cases: [string[], RegExp][] = [
    [[], /^Give one of add, warm, list, remove, given none/],
    [["sell"], /given "sell"/],
    [["add", "A b", "x", "--title", "T"], /^The slug must be .*, given "A b"$/],
    [["add", "a", "x"], /^--title must be .*, given ""$/],
    [["list", "all"], /^There is no place for "all"$/],
    [["warm", "--remote"], /^warm needs the database itself/],
  ];
  for (const [args, message] of cases) await assert.rejects(runDemos(args, world), { message });
});
