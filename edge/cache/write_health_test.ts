// If this breaks, /health says READY while nothing can be stored, or never again after it was so.
import assert from "node:assert/strict";
import type { Results, WriteOutcome } from "../../db/result_queries.ts";
import { WriteHealth } from "./write_health.ts";

type Outcome = WriteOutcome | "fails";

const CASES: readonly [outcomes: readonly Outcome[], failing: boolean][] = [
  [[], false],
  [["stored"], false],
  [["fails"], true],
  [["stored", "fails"], true],
  [["fails", "stored"], false],
  [["fails", "already_stored"], true],
  [["fails", "fails", "stored", "fails"], true],
];

for (const [outcomes, failing] of CASES) {
  Deno.test(`Writes [${outcomes}] leave a store that ${failing ? "fails" : "is sound"}`, async () => {
    const health = new WriteHealth();
    const left = [...outcomes];
    const write = () => {
      const outcome = left.shift() ?? "fails";
      return outcome === "fails"
        ? Promise.reject(new Error("database or disk is full"))
        : Promise.resolve(outcome);
    };
    const watched = health.watch({ write } as Partial<Results> as Results);
    for (const outcome of outcomes) {
      const written = watched.write({} as never);
      if (outcome === "fails") await assert.rejects(written, /disk is full/);
      else assert.equal(await written, outcome);
    }
    assert.equal(health.failing, failing);
  });
}
