// If this breaks, memory grows with each statement, or a failed one fails for ever.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { KEPT_MAX, KeptStatements } from "./kept_statements.ts";

function counted() {
  const connection = new DatabaseSync(":memory:");
  const prepared: string[] = [];
  const statements = new KeptStatements({
    prepare(sql) {
      prepared.push(sql);
      return connection.prepare(sql);
    },
  });
  return { statements, prepared, connection };
}

Deno.test("A statement is prepared once, whatever its values", () => {
  const { statements, prepared } = counted();
  for (const value of [1, "text", null, new Uint8Array([1, 2]), new Uint8Array()]) {
    assert.deepEqual(statements.execute("SELECT ?", [value]), [[value]]);
  }
  assert.equal(prepared.length, 1);
});

Deno.test("The longest unused one leaves first", () => {
  const { statements, prepared } = counted();
  const run = (n: number) => statements.execute(`SELECT ${n}`, []);
  for (let n = 0; n < KEPT_MAX; n++) run(n);
  run(0);
  run(KEPT_MAX);
  prepared.length = 0;
  run(0);
  assert.deepEqual(prepared, []);
  run(1);
  assert.deepEqual(prepared, ["SELECT 1"]);
});

Deno.test("A statement that failed works again, and after a change of its table", () => {
  const { statements, connection } = counted();
  connection.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
  const insert = (id: number) => statements.execute("INSERT INTO things VALUES (?)", [id]);
  insert(1);
  assert.throws(() => insert(1), /UNIQUE/);
  insert(2);
  const list = () => statements.execute("SELECT id FROM things", []);
  assert.deepEqual(list(), [[1], [2]]);
  connection.exec("ALTER TABLE things ADD COLUMN name TEXT DEFAULT 'a'");
  assert.deepEqual(list(), [[1], [2]]);
});

Deno.test("Columns of one name are all there", () => {
  const { statements } = counted();
  assert.deepEqual(statements.execute("SELECT 1 AS a, 2 AS a", []), [[1, 2]]);
});
