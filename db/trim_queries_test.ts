// Trimming deletes the right results, in the right order, and keeps the others.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { testOnDatabases } from "./fixtures/databases.ts";
import { count, finished, sweep } from "./fixtures/stored.ts";
import { createDemos } from "./demo_queries.ts";
import { createResults, type SqlDatabase } from "./result_queries.ts";
import { createSweeps } from "./sweep_queries.ts";
import { heldBytes, trimResults } from "./trim_queries.ts";

async function empty(database: SqlDatabase): Promise<void> {
  for (const table of ["demos", "sweeps", "previews", "images", "generations", "image_parts"]) {
    await database.run(sql`DELETE FROM ${sql.identifier(table)}`);
  }
}

/** Stores one result per name, used at 1,000, 2,000 ... in this order. */
async function fill(database: SqlDatabase, names: readonly string[]) {
  await empty(database);
  const results = createResults(database);
  for (const [i, name] of names.entries()) {
    const result = finished(name);
    await results.write({ ...result, finished_at: 1_000 * (i + 1) });
  }
  const ids = names.map((name) => finished(name).plan.id);
  const has = async () => {
    const found = await Promise.all(ids.map((id) => results.has(id)));
    return names.filter((_, i) => found[i]);
  };
  return { results, ids, has, weight: await heldBytes(database) / names.length };
}

testOnDatabases("Trimming", {
  "deletes what was not used for the longest time, and no more than it must": async (database) => {
    const { results, ids, has, weight } = await fill(database, ["a", "b", "c", "d"]);
    await results.touch(ids[0] ?? "", 9_000);
    const cacheBytes = Math.ceil(2.5 * weight);
    const trimmed = await trimResults(database, { cacheBytes, now: 10_000 });
    assert.deepEqual(await has(), ["a", "d"]);
    assert.deepEqual([trimmed.generations, trimmed.unfinished], [2, false]);
    assert(await heldBytes(database) <= cacheBytes);
    for (const table of ["images", "previews"]) assert.equal(await count(database, table), 2);
    assert.equal((await trimResults(database, { cacheBytes, now: 10_000 })).generations, 0);
  },
  "leaves small shares whole, whoever came last": async (database) => {
    const cases: readonly [stored: string, budget: number, left: string][] = [
      // An account's letter stands for one result of it, in the order of their last use.
      ["aaabbb", 6, "aaabbb"],
      ["abbbbb", 3, "abb"],
      ["aabbbbbbbb", 4, "aabb"],
      ["bbbbbbaa", 4, "bbaa"],
      ["abcbbbbbb", 3, "acb"],
      ["aaabbbccc", 3, "abc"],
      ["aaaaaa", 2, "aa"],
      ["abab", 0, ""],
    ];
    for (const [stored, budget, left] of cases) {
      await empty(database);
      const results = createResults(database);
      const all = [...stored].map((account, i) => ({
        account,
        id: finished(`share ${i}`).plan.id,
      }));
      for (const [i, { account }] of all.entries()) {
        await results.write({ ...finished(`share ${i}`), account, finished_at: 1_000 * (i + 1) });
      }
      const cacheBytes = Math.ceil((budget + 0.5) * await heldBytes(database) / all.length);
      await trimResults(database, { cacheBytes: budget === 0 ? 0 : cacheBytes, now: 100_000 });
      const kept = await Promise.all(all.map(({ id }) => results.has(id)));
      const shown = all.filter((_, i) => kept[i]).map(({ account }) => account).join("");
      assert.equal(shown, left, `${stored} in ${budget}`);
    }
  },
  "gives callers without a key one share together, and stores no address": async (database) => {
    await empty(database);
    const results = createResults(database);
    const accounts = ["anonymous:1", "anonymous:2", "anonymous:3", "key_1"];
    for (const [i, account] of accounts.entries()) {
      await results.write({ ...finished(`caller ${i}`), account, finished_at: 1_000 * i });
    }
    const shares = await database.values<[string, number]>(
      sql`SELECT account, count(*) FROM generations GROUP BY account ORDER BY account`,
    );
    assert.deepEqual(shares, [["anonymous", 3], ["key_1", 1]]);
  },
  "passes demos by": async (database) => {
    const { ids: [generation_id = ""], has } = await fill(database, ["a", "b", "c"]);
    const { request } = finished("a");
    await createDemos(database).put({ slug: "a", title: "A", request, generation_id }, 1);
    const trimmed = await trimResults(database, { cacheBytes: 0, now: 10_000 });
    assert.deepEqual(await has(), ["a"]);
    assert.deepEqual([trimmed.generations, trimmed.unfinished], [2, true]);
  },
  "takes a sweep along with its generation, and leaves others": async (database) => {
    const { ids: [a = "", b = "", c = ""], weight } = await fill(database, ["a", "b", "c"]);
    const sweeps = createSweeps(database);
    const of = (name: string, [first = "", second = ""]: string[]) => {
      const [one, two] = sweep(name).branches;
      assert(one && two);
      return { ...sweep(name), branches: [{ ...one, id: first }, { ...two, id: second }] };
    };
    const [losing, keeping] = [of("losing", [b, a]), of("keeping", [b, c])];
    for (const each of [losing, keeping]) await sweeps.write(each, 1_000);
    await trimResults(database, { cacheBytes: Math.ceil(2.5 * weight), now: 10_000 });
    assert.equal(await sweeps.find(losing.id), null);
    assert.deepEqual(await sweeps.find(keeping.id), keeping);
  },
  "counts a sweep's hit as a use of its generations": async (database) => {
    const { ids: [a = "", b = ""], has, weight } = await fill(database, ["a", "b", "c"]);
    const sweeps = createSweeps(database);
    const [one, two] = sweep("used").branches;
    assert(one && two);
    const used = { ...sweep("used"), branches: [{ ...one, id: a }, { ...two, id: b }] };
    await sweeps.write(used, 1_000);
    await sweeps.touch(used.id, 9_000);
    await trimResults(database, { cacheBytes: Math.ceil(2.5 * weight), now: 10_000 });
    assert.deepEqual(await has(), ["a", "b"]);
    assert.notEqual(await sweeps.find(used.id), null);
  },
  "weighs results from before their weight was stored": async (database) => {
    const { weight } = await fill(database, ["a", "b"]);
    await database.run(sql`UPDATE generations SET stored_bytes = 0`);
    await trimResults(database, { cacheBytes: 10 * weight, now: 10_000 });
    const held = await heldBytes(database);
    assert(held > 1.5 * weight && held <= 2 * weight, `${held} of ${2 * weight}`);
  },
  "sweeps parts that no image needs, an hour later": async (database) => {
    await fill(database, ["a"]);
    await database.run(sql`UPDATE images SET size = 1900001, sha256 = 'needed'`);
    for (const [sha256, created_at] of [["needed", 0], ["gone", 0], ["new", 3_000_000]]) {
      await database.run(sql`INSERT INTO image_parts (sha256, part, bytes, created_at)
        VALUES (${sha256}, 1, x'00', ${created_at})`);
    }
    await trimResults(database, { cacheBytes: 1e9, now: 3_700_000 });
    const left = await database.values<[string]>(
      sql`SELECT sha256 FROM image_parts ORDER BY sha256`,
    );
    assert.deepEqual(left.flat(), ["needed", "new"]);
  },
});
