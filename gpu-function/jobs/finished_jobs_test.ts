import assert from "node:assert/strict";
import { FinishedJobs, type RetentionLimits } from "./finished_jobs.ts";

const WIDE = { retainedMax: 100, retainedBytes: 1_000, retainedMs: 1_000 };

function retained(limits: Partial<RetentionLimits>, sizes: readonly number[], nowMs: number) {
  const jobs = new FinishedJobs<number>({ ...WIDE, ...limits });
  sizes.forEach((bytes, i) => jobs.add(`${i}`, { job: i, bytes, finishedAtMs: i }));
  const kept = sizes.map((_, i) => jobs.get(`${i}`, nowMs)).filter((job) => job !== undefined);
  assert.equal(jobs.count, kept.length);
  assert.equal(jobs.bytes, kept.reduce((sum, i) => sum + (sizes[i] ?? NaN), 0));
  return kept;
}

// Without each bound a busy day fills the memory.
Deno.test("FinishedJobs keeps the latest, bounded in number, size and age", () => {
  assert.deepEqual(retained({}, [1, 1, 1], 3), [0, 1, 2]);
  assert.deepEqual(retained({ retainedMax: 2 }, [1, 1, 1], 3), [1, 2]);
  assert.deepEqual(retained({ retainedMax: 0 }, [1, 1, 1], 3), []);
  assert.deepEqual(retained({ retainedBytes: 10 }, [6, 5, 5], 3), [1, 2]);
  assert.deepEqual(retained({ retainedBytes: 10 }, [3, 3, 11], 3), []);
  assert.deepEqual(retained({ retainedMs: 10 }, [1, 1, 1], 11), [2]);
  assert.deepEqual(retained({ retainedMs: 10 }, [1, 1, 1], 12), []);
});

Deno.test("FinishedJobs.add() under a known id replaces it and makes it the latest", () => {
  const jobs = new FinishedJobs<string>({ ...WIDE, retainedMax: 2 });
  jobs.add("a", { job: "old", bytes: 5, finishedAtMs: 0 });
  jobs.add("b", { job: "b", bytes: 5, finishedAtMs: 1 });
  jobs.add("a", { job: "new", bytes: 7, finishedAtMs: 2 });
  jobs.add("c", { job: "c", bytes: 5, finishedAtMs: 3 });
  assert.deepEqual(["a", "b", "c"].map((id) => jobs.get(id, 3)), ["new", undefined, "c"]);
  assert.equal(jobs.bytes, 12);
});
