import assert from "node:assert/strict";
import { DrizzleQueryError } from "drizzle-orm";
import { nameCause } from "./console_log.ts";

Deno.test("nameCause never repeats the parameters of a query, prompts among them", () => {
  const driver = new Error("D1_ERROR: no such table: generations");
  const query = new DrizzleQueryError("insert into generations", ["a secret prompt"], driver);
  assert.match(query.message, /secret/);
  assert.equal(nameCause(query), "Error: D1_ERROR: no such table: generations");
  assert.equal(nameCause("a secret prompt"), "string");
});
