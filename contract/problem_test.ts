/// <reference lib="deno.ns" />
// Broken here: a problem of another program is taken for one of ours, or loses what it says.
import assert from "node:assert/strict";
import { createProblem, parseGenerationEvent, parseProblem } from "./mod.ts";

const PROBLEM = createProblem("at_capacity", "All slots are busy");

Deno.test("parseProblem() keeps what only a newer program knows", () => {
  const newer = { ...PROBLEM, retry_after: 2, hint: { later: true } };
  assert.deepEqual(parseProblem(newer), { ok: true, value: newer });
});

Deno.test("parseProblem() keeps what a problem says whose code only a newer program knows", () => {
  const newer = { ...PROBLEM, code: "out_of_paper", detail: "No paper is left" };
  assert.deepEqual(parseProblem(newer), { ok: true, value: { ...newer, code: "internal" } });
});

const WRONG: readonly [string, unknown][] = [
  ["", null],
  ["", "a page of a proxy"],
  ["code", { ...PROBLEM, code: 7 }],
  ["status", { ...PROBLEM, status: 200 }],
  ["retryable", { ...PROBLEM, retryable: undefined }],
  ["errors.0.given", { ...PROBLEM, errors: [{ field: "a", message: "b", allowed: "c" }] }],
];

for (const [field, wrong] of WRONG) {
  Deno.test(`parseProblem() refuses one that is wrong in ${field || "all"}: ${JSON.stringify(wrong)}`, () => {
    const parsed = parseProblem(wrong);
    assert(!parsed.ok);
    const detail = `Problem is not valid: ${field || "problem"}: `;
    assert(parsed.problem.detail.startsWith(detail), parsed.problem.detail);
    assert(!parseGenerationEvent({ type: "generation.failed", error: wrong }).ok);
  });
}
