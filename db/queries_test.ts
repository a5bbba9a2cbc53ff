// One table of tests for both databases: SQLite behind libSQL, and D1 as workerd has it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { drizzle as drizzleD1 } from "drizzle-orm/d1";
import { migrate as migrateD1 } from "drizzle-orm/d1/migrator";
import { sql } from "drizzle-orm";
import { drizzle as drizzleLibsql } from "drizzle-orm/libsql";
import { migrate as migrateLibsql } from "drizzle-orm/libsql/migrator";
import { EVENTS, PLAN } from "../contract/fixtures/events.ts";
import { INSIGHT_EVENTS } from "../contract/fixtures/insight_events.ts";
import { type GenerationEvent, INSIGHTS, LIMITS, parseGenerationRequest } from "../contract/mod.ts";
import { createResults, type FinishedGeneration, type SqlDatabase } from "./queries.ts";
import { createSweeps, type StoredSweep } from "./sweep_queries.ts";

const migrationsFolder = fileURLToPath(new URL("migrations", import.meta.url));

interface OpenDatabase {
  readonly database: SqlDatabase;
  close(): Promise<void>;
}

async function openLibsql(url: string): Promise<OpenDatabase> {
  const client = createClient({ url });
  const database = drizzleLibsql(client);
  await migrateLibsql(database, { migrationsFolder });
  return { database, close: () => Promise.resolve(client.close()) };
}

// Not a literal: wrangler's types would declare workerd's globals for every file checked along.
const WRANGLER = "wrangler";

interface Wrangler {
  getPlatformProxy(options: {
    readonly configPath: string;
    readonly persist: boolean;
    readonly remoteBindings: boolean;
  }): Promise<{
    readonly env: { readonly DB: Parameters<typeof drizzleD1>[0] };
    dispose(): Promise<void>;
  }>;
}

/** D1 as workerd has it, in memory. */
async function openD1(): Promise<OpenDatabase> {
  Deno.env.set("CLOUDFLARE_CF_FETCH_ENABLED", "false");
  const folder = await Deno.makeTempDir({ prefix: "shapefirst_d1_" });
  const configPath = `${folder}/wrangler.json`;
  const d1_databases = [{ binding: "DB", database_name: "test", database_id: "test" }];
  const config = { name: "test", compatibility_date: "2026-10-01", d1_databases };
  await Deno.writeTextFile(configPath, JSON.stringify(config));
  const { getPlatformProxy }: Wrangler = await import(WRANGLER);
  const proxy = await getPlatformProxy({
    configPath,
    persist: false,
    remoteBindings: false,
  });
  const database = drizzleD1(proxy.env.DB);
  await migrateD1(database, { migrationsFolder });
  const close = () => proxy.dispose().then(() => Deno.remove(folder, { recursive: true }));
  return { database, close };
}

const parsed = parseGenerationRequest({ model: "fixture", prompt: "a blue bird" });
assert(parsed.ok);
const request = { ...parsed.value, seed: 7 };

interface FinishedOptions {
  readonly imageBytes?: number;
  readonly previews?: number;
}

/** The fixture's run with a key and pictures of its own. */
function finished(name: string, { imageBytes = 500, previews = 1 }: FinishedOptions = {}) {
  const id = createHash("sha256").update(name).digest("hex");
  const plan = { ...PLAN, id };
  const picture = (length: number, seed: number) =>
    Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 256).toBase64();
  const events = EVENTS.slice(0, 7).flatMap((event): GenerationEvent[] => {
    if (event.type === "generation.queued") return [{ ...event, id }];
    if (event.type === "generation.planned") return [{ ...event, plan }];
    if (event.type === "generation.image") return [{ ...event, data: picture(imageBytes, 1) }];
    if (event.type === "generation.completed") return [{ ...event, id }];
    if (event.type !== "generation.preview") return [event];
    return Array.from(
      { length: previews },
      (_, step) => ({ ...event, step, data: picture(50, step) }),
    );
  }).map((event, id) => ({ id, event }));
  return { request, plan, events, finished_at: 1_000 } satisfies FinishedGeneration;
}

/** The same run, having shown everything. */
function withInsights(result: FinishedGeneration): FinishedGeneration {
  const insights = { ...result.plan.insights, names: [...INSIGHTS] };
  const plan = { ...result.plan, insights };
  const events = [...result.events.slice(0, 3).map(({ event }) => event), ...INSIGHT_EVENTS]
    .concat(result.events.slice(3).map(({ event }) => event))
    .map((event) => event.type === "generation.planned" ? { ...event, plan } : event)
    .map((event, id) => ({ id, event }));
  return { ...result, plan, events };
}

async function count(database: SqlDatabase, table: string): Promise<number> {
  const [row] = await database.all<{ n: number }>(
    sql`SELECT count(*) AS n FROM ${sql.identifier(table)}`,
  );
  assert(row);
  return row.n;
}

/** A sweep of two branches, whose generations need not be stored. */
function sweep(name: string): StoredSweep {
  const id = createHash("sha256").update(name).digest("hex");
  const evaluations = { planned: 75, spent: 70, shared: 5, full: 80, saved: 0.0625 };
  const end = { status: "succeeded", cached: false, evaluations, failure: null } as const;
  const branches = ["a = 0", "a = 5"].map((label) => ({
    id: `${name} ${label}`,
    label,
    same_as: null,
  }));
  return {
    id,
    axis: "cutoffs",
    branches,
    planned: { planned: 75, together: 70, full: 80, saved: 0.0625 },
    event_order: [[0, 0], [1, 0], [1, 1], [0, 3]],
    outcome: { id, branches: branches.map((branch) => ({ ...branch, ...end })), evaluations },
  };
}

type Case = (database: SqlDatabase) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "replays a stored log byte for byte": async (database) => {
    const results = createResults(database);
    const result = finished("replay");
    assert.equal(await results.write(result), "stored");
    const replayed = await results.replay(result.plan.id);
    assert.equal(JSON.stringify(replayed), JSON.stringify(result.events));
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
    assert.equal(JSON.stringify(replayed), JSON.stringify(first.events));
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
    assert.equal(JSON.stringify(replayed), JSON.stringify(richer.events));
    assert.deepEqual((await results.find(id))?.plan.insights, richer.plan.insights);
    const rows = await database.all(
      sql`SELECT hits, created_at, last_used_at FROM generations WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [{ hits: 1, created_at: 1_000, last_used_at: 5_000 }]);
    const [pictures] = await database.all<{ n: number }>(
      sql`SELECT count(*) AS n FROM previews WHERE generation_id = ${id}`,
    );
    assert.equal(pictures?.n, 5);
    assert.equal(await results.write(first), "already_stored");
    assert.equal(JSON.stringify(await results.replay(id)), JSON.stringify(richer.events));
  },
  "survives two writers of the same result at once": async (database) => {
    const results = createResults(database);
    const result = finished("race");
    await Promise.all([results.write(result), results.write(result)]);
    assert.equal(
      JSON.stringify(await results.replay(result.plan.id)),
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
  "stores the largest image, and reports a larger one": async (database) => {
    const results = createResults(database);
    const largest = finished("largest", { imageBytes: LIMITS.storedImageBytes });
    assert.equal(await results.write(largest), "stored");
    const image = await results.image(largest.plan.id);
    assert.equal(image?.bytes.length, LIMITS.storedImageBytes);
    const larger = finished("larger", { imageBytes: LIMITS.storedImageBytes + 1 });
    assert.equal(await results.write(larger), "image_too_large");
    assert.equal(await results.has(larger.plan.id), false);
  },
  "thins previews evenly and keeps the ids of the rest": async (database) => {
    const results = createResults(database);
    const result = finished("previews", { previews: 46 });
    await results.write(result);
    const replayed = await results.replay(result.plan.id);
    const steps = (replayed ?? []).flatMap(({ event }) =>
      event.type === "generation.preview" ? [event.step] : []
    );
    assert.deepEqual(steps, Array.from({ length: LIMITS.storedPreviews }, (_, i) => i * 3));
    for (const { id, event } of replayed ?? []) assert.deepEqual(event, result.events[id]?.event);
  },
  "counts hits": async (database) => {
    const results = createResults(database);
    const { plan: { id } } = finished("hits");
    await results.write(finished("hits"));
    await results.touch(id, 2_000);
    await results.touch(id, 3_000);
    const rows = await database.all(
      sql`SELECT hits, created_at, last_used_at FROM generations WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [{ hits: 2, created_at: 1_000, last_used_at: 3_000 }]);
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
    const rows = await database.all(
      sql`SELECT created_at, last_used_at FROM sweeps WHERE id = ${first.id}`,
    );
    assert.deepEqual(rows, [{ created_at: 1_000, last_used_at: 2_000 }]);
    assert.equal(await sweeps.find(sweep("other sweep").id), null);
  },
  "counts hits of a sweep": async (database) => {
    const sweeps = createSweeps(database);
    const { id } = sweep("sweep hits");
    await sweeps.write(sweep("sweep hits"), 1_000);
    await sweeps.touch(id, 2_000);
    const rows = await database.all(
      sql`SELECT hits, created_at, last_used_at FROM sweeps WHERE id = ${id}`,
    );
    assert.deepEqual(rows, [{ hits: 1, created_at: 1_000, last_used_at: 2_000 }]);
  },
  "refuses a log without an end": async (database) => {
    const result = finished("endless");
    const events = result.events.slice(0, -1);
    await assert.rejects(createResults(database).write({ ...result, events }), RangeError);
  },
};

const DATABASES: Readonly<Record<string, () => Promise<OpenDatabase>>> = {
  "libSQL in memory": () => openLibsql(":memory:"),
  "libSQL in a file": async () => {
    const folder = await Deno.makeTempDir({ prefix: "shapefirst_db_" });
    const { database, close } = await openLibsql(`file:${folder}/test.sqlite`);
    return { database, close: () => close().then(() => Deno.remove(folder, { recursive: true })) };
  },
  D1: openD1,
};

for (const [name, open] of Object.entries(DATABASES)) {
  // D1 runs in another process, whose pipes outlive single steps.
  Deno.test(
    { name: `Results on ${name}`, sanitizeResources: false, sanitizeOps: false },
    async (t) => {
      const { database, close } = await open();
      try {
        for (const [sentence, run] of Object.entries(CASES)) {
          await t.step({
            name: sentence,
            sanitizeResources: false,
            sanitizeOps: false,
            fn: () => run(database),
          });
        }
      } finally {
        await close();
      }
    },
  );
}
