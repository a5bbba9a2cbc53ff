// Results and sweeps on both databases: SQLite, and D1 in workerd.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sql } from "drizzle-orm";
import { LIMITS } from "../contract/mod.ts";
import { testOnDatabases } from "./fixtures/databases.ts";
import { count, finished, sweep, wholeLog, withInsights } from "./fixtures/stored.ts";
import { createResults, type SqlDatabase } from "./result_queries.ts";
import { createSweeps, type StoredSweep } from "./sweep_queries.ts";

testOnDatabases("Results", {
  "replays a stored log byte for byte": async (database) => {
    const results = createResults(database);
    const result = finished("replay");
    assert.equal(await results.write(result), "stored");
    const replayed = await results.replay(result.plan.id);
    assert.equal(JSON.stringify(await wholeLog(replayed)), JSON.stringify(result.events));
  },
  "finds a result without its pictures, and the image's bytes apart": async (database) => {
    const results = createResults(database);
    const result = finished("find");
    await results.write(result);
    const found = await results.find(result.plan.id);
    assert.deepEqual(found?.plan, result.plan);
    assert.equal(found?.image.bytes, 500);
    assert(found?.events.every(({ event }) => !("data" in event) || event.data === ""));
    const image = await results.image(result.plan.id);
    const streamed = result.events.at(-2)?.event;
    assert(image && streamed?.type === "generation.image");
    assert.equal(image.bytes.toBase64(), streamed.data);
    assert.equal(image.sha256, streamed.sha256);
  },
  "knows nothing of other keys": async (database) => {
    const results = createResults(database);
    await results.write(finished("known"));
    const other = finished("other").plan.id;
    assert.equal(await results.has(other), false);
    assert.equal(await results.find(other), null);
    assert.equal(await results.replay(other), null);
    assert.equal(await results.image(other), null);
  },
  "keeps the first result of a key": async (database) => {
    const results = createResults(database);
    const first = finished("twice", { previews: 2 });
    assert.equal(await results.write(first), "stored");
    const rows = await count(database, "previews");
    assert.equal(await results.write(finished("twice", { previews: 5 })), "already_stored");
    assert.equal(await count(database, "previews"), rows);
    const replayed = await results.replay(first.plan.id);
    assert.equal(JSON.stringify(await wholeLog(replayed)), JSON.stringify(first.events));
  },
  "replaces a result by one that shows insights it lacks, hits and age apart": async (database) => {
    const results = createResults(database);
    const first = finished("insights", { previews: 2 });
    const { plan: { id } } = first;
    await results.write(first);
    await results.touch(id, 2_000);
    const richer = withInsights(finished("insights", { previews: 5 }));
    assert.equal(await results.write({ ...richer, finished_at: 5_000 }), "stored");
    const replayed = await results.replay(id);
    assert.equal(JSON.stringify(await wholeLog(replayed)), JSON.stringify(richer.events));
    assert.deepEqual((await results.find(id))?.plan.insights, richer.plan.insights);
    const rows = await database.values(
      sql`SELECT hits, created_at, last_used_at FROM generations WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [[1, 1_000, 5_000]]);
    const [pictures] = await database.values<[number]>(
      sql`SELECT count(*) FROM previews WHERE generation_id = ${id}`,
    );
    assert.equal(pictures?.[0], 5);
    assert.equal(await results.write(first), "already_stored");
    assert.equal(
      JSON.stringify(await wholeLog(await results.replay(id))),
      JSON.stringify(richer.events),
    );
  },
  "survives two writers of the same result at once": async (database) => {
    const results = createResults(database);
    const result = finished("race");
    await Promise.all([results.write(result), results.write(result)]);
    assert.equal(
      JSON.stringify(await wholeLog(await results.replay(result.plan.id))),
      JSON.stringify(result.events),
    );
  },
  "writes all of a result or nothing": async (database) => {
    const results = createResults(database);
    const result = finished("torn");
    await database.run(sql`ALTER TABLE previews RENAME TO previews_away`);
    try {
      await assert.rejects(results.write(result));
    } finally {
      await database.run(sql`ALTER TABLE previews_away RENAME TO previews`);
    }
    assert.equal(await results.has(result.plan.id), false);
    assert.equal(await results.image(result.plan.id), null);
    assert.equal(await results.write(result), "stored");
  },
  "stores an image that is larger than a row, whole": async (database) => {
    const results = createResults(database);
    const row = LIMITS.storedRowBytes;
    for (const [imageBytes, parts] of [[row, 0], [row + 1, 1]] as const) {
      const before = await count(database, "image_parts");
      const result = finished(`parts ${imageBytes}`, { imageBytes });
      const { plan: { id } } = result;
      assert.equal(await results.write(result), "stored");
      assert.equal(await count(database, "image_parts") - before, parts);
      assert.equal((await results.find(id))?.image.bytes, imageBytes);
      const image = await results.image(id);
      assert.equal(createHash("sha256").update(image?.bytes ?? "").digest("hex"), image?.sha256);
      const replayed = await results.replay(id);
      assert.equal(JSON.stringify(await wholeLog(replayed)), JSON.stringify(result.events));
    }
  },
  "gives no image of which a part is missing": async (database) => {
    const results = createResults(database);
    const result = finished("lost part");
    await results.write(result);
    const { plan: { id } } = result;
    await database.run(sql`UPDATE images SET size = size + 1 WHERE generation_id = ${id}`);
    assert.equal(await results.image(id), null);
    assert.equal(await results.replay(id), null);
  },
  "stores when each event came, and whose a private result is": async (database) => {
    const results = createResults(database);
    const result = finished("owned");
    const events = result.events.map((numbered) => ({ ...numbered, at_ms: 3 * numbered.id }));
    const request = { ...result.request, private: true, owner: "key_1" };
    const { plan: { id } } = result;
    await results.write({ ...result, request, events });
    const replayed = await results.replay(id);
    assert.deepEqual(replayed?.events.map(({ at_ms }) => at_ms), [0, 3, 6, 9, 12, 15, 18]);
    const owners = [replayed, await results.find(id), await results.image(id)];
    assert.deepEqual(owners.map((found) => found?.owner), ["key_1", "key_1", "key_1"]);
    await results.write(finished("shared"));
    assert.equal((await results.find(finished("shared").plan.id))?.owner, null);
  },
  "knows what a result takes": async (database) => {
    const results = createResults(database);
    const result = finished("weighed", { imageBytes: 5_000, previews: 3 });
    await results.write(result);
    const [row] = await database.values<[number, number]>(sql`
      SELECT stored_bytes, length(events) + length(plan) + length(request)
      FROM generations WHERE id = ${result.plan.id}`);
    assert(row);
    const [stored, text] = row;
    const pictures = 5_000 + 3 * 50;
    assert(stored >= pictures + text && stored < pictures + text + 1_000);
  },
  "takes a result with more insights though the first was trimmed a moment ago": async (
    database,
  ) => {
    const results = createResults(database);
    const first = finished("vanished");
    const { plan: { id } } = first;
    await results.write(first);
    const select = database.select.bind(database);
    // Deletes the result between the look and the write.
    const racing = new Proxy(database, {
      get(target, name) {
        if (name === "select") return select;
        const value = Reflect.get(target, name);
        if (name !== "batch") return typeof value === "function" ? value.bind(target) : value;
        return async (queries: Parameters<SqlDatabase["batch"]>[0]) => {
          for (const table of ["previews", "images"]) {
            await target.run(
              sql`DELETE FROM ${sql.identifier(table)} WHERE generation_id = ${id}`,
            );
          }
          await target.run(sql`DELETE FROM generations WHERE id = ${id}`);
          return await target.batch(queries);
        };
      },
    });
    const richer = withInsights(finished("vanished"));
    assert.equal(await createResults(racing).write(richer), "stored");
    const replayed = await results.replay(id);
    assert.equal(JSON.stringify(await wholeLog(replayed)), JSON.stringify(richer.events));
  },
  "thins previews evenly and keeps the ids of the rest": async (database) => {
    const results = createResults(database);
    const result = finished("previews", { previews: 46 });
    await results.write(result);
    const replayed = await results.replay(result.plan.id);
    const steps = (replayed?.events ?? []).flatMap(({ event }) =>
      event.type === "generation.preview" ? [event.step] : []
    );
    assert.deepEqual(steps, Array.from({ length: LIMITS.storedPreviews }, (_, i) => i * 3));
    for (const { id, event } of await wholeLog(replayed) ?? []) {
      assert.deepEqual(event, result.events[id]?.event);
    }
  },
  "counts hits": async (database) => {
    const results = createResults(database);
    const { plan: { id } } = finished("hits");
    await results.write(finished("hits"));
    await results.touch(id, 2_000);
    await results.touch(id, 3_000);
    const rows = await database.values(
      sql`SELECT hits, created_at, last_used_at FROM generations WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [[2, 1_000, 3_000]]);
  },
  "never replays half a result": async (database) => {
    const results = createResults(database);
    const { plan: { id } } = finished("half");
    await results.write(finished("half"));
    await database.run(sql`DELETE FROM previews WHERE generation_id = ${id}`);
    assert.equal(await results.replay(id), null);
  },
  "finds a sweep as it was last written, and keeps its age": async (database) => {
    const sweeps = createSweeps(database);
    const first = sweep("sweep");
    const second = { ...first, event_order: [[1, 0], [0, 0]] } satisfies StoredSweep;
    await sweeps.write(first, 1_000);
    assert.deepEqual(await sweeps.find(first.id), first);
    await sweeps.write(second, 2_000);
    assert.deepEqual(await sweeps.find(first.id), second);
    const rows = await database.values(
      sql`SELECT created_at, last_used_at FROM sweeps WHERE id = ${first.id}`,
    );
    assert.deepEqual(rows, [[1_000, 2_000]]);
    assert.equal(await sweeps.find(sweep("other sweep").id), null);
  },
  "counts hits of a sweep": async (database) => {
    const sweeps = createSweeps(database);
    const { id } = sweep("sweep hits");
    await sweeps.write(sweep("sweep hits"), 1_000);
    await sweeps.touch(id, 2_000);
    const rows = await database.values(
      sql`SELECT hits, created_at, last_used_at FROM sweeps WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [[1, 1_000, 2_000]]);
  },
  "refuses a log without an end": async (database) => {
    const result = finished("endless");
    const events = result.events.slice(0, -1);
    await assert.rejects(createResults(database).write({ ...result, events }), RangeError);
  },
});
