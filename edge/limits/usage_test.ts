// If this breaks, accounts see more or less use than there was, or hits cost writes.
import assert from "node:assert/strict";
import { createUsage } from "../../db/usage_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import type { LogRecord } from "../observability/log.ts";
import { usageDay, UsageMeter } from "./usage_meter.ts";

const NOON = Date.UTC(2026, 10, 25, 12);
const DAY_MS = 24 * 60 * 60_000;

Deno.test("Usage adds up over writes, apart by account and day", async () => {
  const { database, close } = await openSqliteDatabase(":memory:");
  const usage = createUsage(database);
  const key = "key_0123456789abcdef";
  await usage.add([usageDay(key, { requests: 2, hits: 1 }, NOON), usageDay("key_b", {}, NOON)]);
  await usage.add([
    usageDay(key, { requests: 1, evaluations: 40, generations: 1, refused: 3 }, NOON),
    usageDay(key, { requests: 5 }, NOON + DAY_MS),
  ]);
  await usage.add([]);
  const counts = { requests: 3, generations: 1, hits: 1, refused: 3, evaluations: 40 };
  const later = { requests: 5, generations: 0, hits: 0, refused: 0, evaluations: 0 };
  assert.deepEqual(await usage.days(key, "2026-11-25"), [
    { day: "2026-11-26", ...later },
    { day: "2026-11-25", ...counts },
  ]);
  assert.deepEqual(await usage.days(key, "2026-11-26"), [{ day: "2026-11-26", ...later }]);
  close();
});

Deno.test("Many requests are one write, after them, of one row an account", async () => {
  const written: unknown[] = [];
  const kept: Promise<unknown>[] = [];
  const logged: LogRecord[] = [];
  let now = NOON;
  const meter = new UsageMeter({
    usage: { add: (rows) => Promise.resolve(void written.push(rows)) },
    now: () => now,
    log: (record) => void logged.push(record),
  });
  const count = (account: string) =>
    meter.count(account, { requests: 1 }, (work) => void kept.push(work));
  for (const account of ["key_a", "anonymous:1", "key_a", "anonymous:2"]) count(account);
  assert.deepEqual([kept.length, written.length], [1, 0]);
  meter.hurry();
  await Promise.all(kept);
  assert.deepEqual(written, [[
    usageDay("key_a", { requests: 2 }, NOON),
    usageDay("anonymous", { requests: 2 }, NOON),
  ]]);
  count("key_a");
  assert.equal(kept.length, 2, "the next request begins the next write");
  now += 30_000;
  count("key_a");
  assert.equal(kept.length, 3, "a write that was lost holds nothing up");
  meter.hurry();
});

Deno.test("A database that fails costs the counts, and nothing else", async () => {
  const logged: LogRecord[] = [];
  const meter = new UsageMeter({
    usage: { add: () => Promise.reject(new Error("gone")) },
    now: () => NOON,
    log: (record) => void logged.push(record),
  });
  const kept: Promise<unknown>[] = [];
  meter.count("key_a", { requests: 1 }, (work) => void kept.push(work));
  meter.hurry();
  await Promise.all(kept);
  assert.deepEqual(logged.map(({ level }) => level), ["error"]);
});
