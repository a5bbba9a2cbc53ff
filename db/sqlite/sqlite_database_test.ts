// If this breaks, a damaged file ends the process in a panic, or passes for a whole one.
import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import { finished } from "../fixtures/stored.ts";
import { createResults } from "../result_queries.ts";
import { generations } from "../schema.ts";
import { DatabaseFailure } from "./database_failure.ts";
import { openSqliteDatabase } from "./sqlite_database.ts";

const PAGE = 4_096;
const stored = Array.from({ length: 6 }, (_, i) => finished(`stored ${i}`, { imageBytes: 20_000 }));

/** Makes a database with results in a folder of its own. */
async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shapefirst_damage_" });
  const path = `${folder}/test.sqlite`;
  try {
    const { database, close } = await openSqliteDatabase(path);
    const results = createResults(database);
    for (const result of stored) await results.write(result);
    close();
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Bytes that no page has. */
function junk(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 151 + 77) % 256);
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(bytes);
}

const sizeOf = (path: string) => Deno.statSync(path).size;
const lastPage = (path: string) => sizeOf(path) - PAGE;

type Damage = (path: string) => void;

const FATAL: Readonly<Record<string, Damage>> = {
  "its header is destroyed": (path) => overwrite(path, 0, junk(100)),
  "its first page is destroyed": (path) => overwrite(path, 0, junk(PAGE)),
  "the schema behind its header is destroyed": (path) => overwrite(path, 100, junk(PAGE - 100)),
  "every page begins with junk": (path) => {
    for (let at = PAGE; at < sizeOf(path); at += PAGE) overwrite(path, at, junk(600));
  },
  "every page is zeros but the first": (path) =>
    overwrite(path, PAGE, new Uint8Array(sizeOf(path) - PAGE)),
  "it was cut at half": (path) => Deno.truncateSync(path, Math.floor(sizeOf(path) / 2)),
  "it was cut inside a page": (path) => Deno.truncateSync(path, lastPage(path) - 100),
  "it is a text": (path) => Deno.writeTextFileSync(path, "no database\n".repeat(1_000)),
};

for (const [what, damage] of Object.entries(FATAL)) {
  Deno.test(`A file is refused in one sentence when ${what}`, async () => {
    await withFile(async (path) => {
      damage(path);
      await assert.rejects(openSqliteDatabase(path), (cause: Error) => {
        assert(cause instanceof DatabaseFailure, String(cause));
        assert.match(cause.message, /^The database \S+test\.sqlite is damaged \(\w[^\n]+\): /);
        assert.match(cause.message, /start anew.+sqlite3 \S+ \.recover$/);
        return true;
      });
    });
  });

  Deno.test(`Calls fail, and the process goes on, when of an open file ${what}`, async () => {
    await withFile(async (path) => {
      const { database, close } = await openSqliteDatabase(path);
      const results = createResults(database);
      damage(path);
      for (const result of [...stored, finished("new")]) {
        const { plan: { id } } = result;
        const reads = await Promise.allSettled([results.find(id), results.replay(id)]);
        for (const read of reads) {
          // Pages that were read before may still be known.
          if (read.status === "fulfilled") assert.equal(read.value?.plan.id ?? id, id);
          else assert(read.reason instanceof Error);
        }
        await results.write(result).catch((cause) => assert(cause instanceof Error));
      }
      close();
    });
  });
}

const HARMLESS: Readonly<Record<string, Damage>> = {
  "is whole": () => {},
  "has a write-ahead log of another beside it": (path) =>
    Deno.writeFileSync(`${path}-wal`, junk(40_000)),
  "has an index of such a log beside it": (path) => Deno.writeFileSync(`${path}-shm`, junk(40_000)),
  "has a journal of another beside it": (path) =>
    Deno.writeFileSync(`${path}-journal`, junk(40_000)),
  "has an empty journal beside it": (path) => Deno.writeTextFileSync(`${path}-journal`, ""),
};

for (const [what, damage] of Object.entries(HARMLESS)) {
  Deno.test(`A file is read and written when it ${what}`, async () => {
    await withFile(async (path) => {
      damage(path);
      const { database, close } = await openSqliteDatabase(path);
      const results = createResults(database);
      for (const { plan, events } of stored) {
        assert.equal((await results.find(plan.id))?.events.length, events.length);
      }
      assert.equal(await results.write(finished("new")), "stored");
      close();
    });
  });
}

Deno.test("A place that holds no file is told in one sentence", async () => {
  const folder = await Deno.makeTempDir();
  await assert.rejects(
    openSqliteDatabase(folder),
    /^DatabaseFailure: The database \S+ cannot be opened: unable to open database file/,
  );
  await Deno.remove(folder);
});

Deno.test("A batch is written whole or not at all", async () => {
  const { database, close } = await openSqliteDatabase(":memory:");
  const results = createResults(database);
  const { plan: { id } } = stored[0] ?? assert.fail();
  await results.write(stored[0] ?? assert.fail());
  const failing = database.batch([
    database.delete(generations).where(sql`1`),
    database.update(generations).set({ hits: sql`no_such_function(1)` }),
  ]);
  await assert.rejects(failing, /no_such_function/);
  assert(await results.has(id));
  assert.equal(await results.write(finished("next")), "stored");
  close();
});
