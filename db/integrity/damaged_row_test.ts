// If this breaks, a byte that a disk turned is served as if it were what was drawn.
import assert from "node:assert/strict";
import { eq, sql } from "drizzle-orm";
import { LIMITS } from "../../contract/mod.ts";
import { testOnDatabases } from "../fixtures/databases.ts";
import { count, finished, type FinishedOptions, wholeLog } from "../fixtures/stored.ts";
import { createResults, type Results, type SqlDatabase } from "../result_queries.ts";
import { PREFETCHED_BYTES, REMOTE_SLICES } from "../result_replay.ts";
import { generations, image_parts, images, previews } from "../schema.ts";
import { checkedSlices } from "./damaged_row.ts";

type Result = ReturnType<typeof finished>;

/** Turns one bit. */
function turned(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 1);
}

async function turnImage(database: SqlDatabase, { plan: { id } }: Result, at: number) {
  const ofKey = eq(images.generation_id, id);
  const [row] = await database.select({ bytes: images.bytes }).from(images).where(ofKey);
  assert(row);
  const bytes = turned(row.bytes, at < 0 ? row.bytes.length + at : at);
  await database.update(images).set({ bytes }).where(ofKey);
}

async function turnPreview(database: SqlDatabase, { plan: { id } }: Result, at: number) {
  const ofKey = eq(previews.generation_id, id);
  const [row] = await database.select({ bytes: previews.bytes }).from(previews).where(ofKey);
  assert(row);
  await database.update(previews).set({ bytes: turned(row.bytes, at) }).where(ofKey);
}

function rewrite(database: SqlDatabase, { plan: { id } }: Result, change: ReturnType<typeof sql>) {
  return database.run(sql`UPDATE generations SET ${change} WHERE ${generations.id} = ${id}`);
}

const LARGE = PREFETCHED_BYTES + 1;
const IN_SLICES = 3 * REMOTE_SLICES.bytes;
const IN_PARTS = LIMITS.storedRowBytes + 1_000;
const UNLESS_ASKED = ["find"];
const PICTURES = ["find", "image"];

interface Case {
  readonly options?: FinishedOptions;
  readonly damage: (database: SqlDatabase, result: Result) => Promise<unknown>;
  readonly part: "log" | "image" | "preview";
  /** Reads that need not notice, since they do not look there. */
  readonly blind: readonly string[];
}

const image = (imageBytes: number, at: number): Case => ({
  options: { imageBytes },
  damage: (database, result) => turnImage(database, result, at),
  part: "image",
  blind: UNLESS_ASKED,
});
const preview = (previewBytes: number, at: number): Case => ({
  options: { previewBytes },
  damage: (database, result) => turnPreview(database, result, at),
  part: "preview",
  blind: PICTURES,
});
const log = (change: ReturnType<typeof sql>): Case => ({
  damage: (database, result) => rewrite(database, result, change),
  part: "log",
  blind: [],
});

const CASES: Readonly<Record<string, Case>> = {
  "the first byte of an image": image(500, 0),
  "the last byte of an image": image(500, -1),
  "a byte of an image that comes in slices": image(IN_SLICES, LARGE),
  "the last byte of an image that comes in slices": image(IN_SLICES, -1),
  "a byte of an image's second part": {
    ...image(IN_PARTS, 0),
    async damage(database, { events }) {
      const found = events.map(({ event }) => event).find(({ type }) =>
        type === "generation.image"
      );
      assert(found?.type === "generation.image");
      const ofImage = eq(image_parts.sha256, found.sha256);
      const [row] = await database.select({ bytes: image_parts.bytes }).from(image_parts)
        .where(ofImage);
      assert(row);
      await database.update(image_parts).set({ bytes: turned(row.bytes, 500) }).where(ofImage);
    },
  },
  "a byte of an image's hash": {
    ...image(500, 0),
    damage: (database, { plan: { id } }) =>
      database.run(sql`UPDATE images SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x')
        WHERE generation_id = ${id}`),
  },
  "a byte of a preview": preview(50, 49),
  "a byte of a preview that comes in slices": preview(IN_SLICES, 70_000),
  "a number in the events": log(sql`events = replace(events, '"step":1', '"step":2')`),
  "a word of the plan": log(sql`plan = replace(plan, 'blue', 'blun')`),
  "a quote of the plan": log(sql`plan = replace(plan, '"', '#')`),
  "a bracket of the events, without a hash": log(
    sql`events = replace(events, '[', '('), log_sha256 = NULL`,
  ),
};

/** Reads all of a result in each way, pictures and all; null where it is absent. */
const READS: Readonly<Record<string, (results: Results, id: string) => Promise<unknown>>> = {
  find: (results, id) => results.find(id),
  image: (results, id) => results.image(id),
  replay: async (results, id) => await wholeLog(await results.replay(id)),
};

async function tryCase(database: SqlDatabase, name: string, tried: Case): Promise<void> {
  for (const [way, read] of Object.entries(READS)) {
    const told: string[] = [];
    const results = createResults(database, {
      onDamage: (id, part) => void told.push(`${id} ${part}`),
    });
    const result = finished(`${name}, ${way}`, tried.options ?? {});
    const { plan: { id } } = result;
    await results.write(result);
    assert.notEqual(await read(results, id), null);
    await tried.damage(database, result);
    // A reader of slices that were sent already sees its stream break.
    const found = await read(results, id).catch((cause) => {
      assert.match(String(cause), /does not have its SHA-256/);
      return null;
    });
    const isBlind = tried.blind.includes(way);
    assert.equal(found !== null, isBlind, `${name} is ${isBlind ? "" : "not "}noticed by ${way}`);
    if (isBlind) {
      await READS["replay"]?.(results, id).catch(() => {});
    }
    assert.deepEqual(told, [`${id} ${tried.part}`], "it is told once");
    assert.equal(await read(results, id), null, "and gone");
    assert.equal(await results.has(id), false);
    assert.equal(await results.write(result), "stored");
    assert.deepEqual(await wholeLog(await results.replay(id)), result.events);
    assert.equal((await results.image(id))?.sha256.length, 64);
    assert.equal(told.length, 1, "what is drawn again is whole");
  }
}

testOnDatabases("Damage", {
  ...Object.fromEntries(
    Object.entries(CASES).map(([name, tried]) => [
      `makes a result absent, and drawn again: ${name}`,
      (database: SqlDatabase) => tryCase(database, name, tried),
    ]),
  ),
  "is noticed when the result is written again, too": async (database) => {
    const results = createResults(database);
    const result = finished("written again");
    await results.write(result);
    await rewrite(database, result, sql`events = '[]'`);
    assert.equal(await results.write(result), "stored");
    assert.deepEqual(await wholeLog(await results.replay(result.plan.id)), result.events);
  },
  "cannot be seen in rows from before there were hashes": async (database) => {
    const results = createResults(database);
    const result = finished("old");
    await results.write(result);
    await database.run(sql`UPDATE previews SET sha256 = NULL`);
    await database.run(sql`UPDATE generations SET log_sha256 = NULL`);
    assert.deepEqual(await wholeLog(await results.replay(result.plan.id)), result.events);
    assert(await count(database, "previews") > 0);
  },
});

Deno.test("The last slice comes only when all have the hash", async () => {
  async function* slices() {
    await Promise.resolve();
    yield* [1, 2, 3].map((value) => Uint8Array.of(value));
  }
  const come: number[] = [];
  const read = async (sha256: string | null) => {
    come.length = 0;
    const whole = { part: "image", length: 3, sha256 } as const;
    for await (const [value = 0] of checkedSlices(whole, slices())) come.push(value);
  };
  await assert.rejects(read("0".repeat(64)), /does not have its SHA-256/);
  assert.deepEqual(come, [1, 2]);
  await read("039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81");
  assert.deepEqual(come, [1, 2, 3]);
  await read(null);
  assert.deepEqual(come, [1, 2, 3]);
});
