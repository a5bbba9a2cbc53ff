import assert from "node:assert/strict";
import { DrizzleQueryError } from "drizzle-orm";
import { nameCause } from "./console_log.ts";

Deno.test("nameCause never repeats a query's parameters or a text that does not parse, prompts among them", () => {
  const driver = new Error("D1_ERROR: no such table: generations");
  const query = new DrizzleQueryError("insert into generations", ["a secret prompt"], driver);
  assert.match(query.message, /secret/);
  assert.equal(nameCause(query), "Error: D1_ERROR: no such table: generations");
  assert.throws(() => JSON.parse("a secret prompt"), (cause: Error) => {
    assert.match(cause.message, /secret/);
    return nameCause(cause) === "SyntaxError: what was read does not parse";
  });
  assert.equal(nameCause("a secret prompt"), "string");
});
