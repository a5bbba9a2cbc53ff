// If this breaks, a process forgets what it uses, or remembers without end.
import assert from "node:assert/strict";
import { BoundedMap } from "./bounded_map.ts";

Deno.test("Beyond its bound a map drops what was set the longest time ago, read or not", () => {
  const map = new BoundedMap<string, number>(2);
  const held = () => ["a", "b", "c", "d"].filter((key) => map.get(key) !== undefined).join("");
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  map.set("c", 3);
  assert.equal(held(), "bc", "reading a has not kept it");
  map.set("b", 4);
  map.set("d", 5);
  assert.equal(held(), "bd", "setting b again has kept it");
  assert.equal(map.get("b"), 4);
  map.delete("d");
  map.set("a", 6);
  assert.equal(held(), "ab", "what was deleted leaves its place");
});
