// If this breaks, a client with several errors hears of them one by one.
import assert from "node:assert/strict";
import {
  accept,
  createFieldProblem,
  createProblem,
  fieldIssue,
  type Parsed,
  refuse,
} from "../../contract/mod.ts";
import { acceptTogether } from "./accept_together.ts";

const wrong = (...fields: string[]): Parsed<number> =>
  refuse(createFieldProblem("invalid_request", fields.map((field) => fieldIssue(field, "a", "b"))));
const blocked: Parsed<number> = refuse(createProblem("prompt_refused", "no"));

Deno.test("Every wrong field is named in one answer, whichever part it is of", () => {
  const together = acceptTogether([wrong("pace"), accept(1), wrong("prompt", "seed"), blocked]);
  assert(!together.ok);
  const { code, errors, detail } = together.problem;
  assert.equal(code, "invalid_request");
  assert.deepEqual(errors?.map(({ field }) => field), ["pace", "prompt", "seed"]);
  assert.equal(detail.split("; ").length, 3);
});

Deno.test("Another refusal is told where no field is wrong, and values where nothing is", () => {
  assert.deepEqual(acceptTogether([accept(1), blocked]), blocked);
  assert.deepEqual(acceptTogether([accept(1), accept("b")]), accept([1, "b"]));
});
