// If this breaks, a silent database keeps every request waiting, or is never asked again.
import assert from "node:assert/strict";
import { DatabaseGuard } from "./database_guard.ts";
import { ManualClock } from "../fixtures/manual_clock.ts";

const CALL_MS = 5_000;

function createGuard() {
  const clock = new ManualClock();
  return { clock, guard: new DatabaseGuard(CALL_MS, clock) };
}

const answer = () => Promise.resolve("answer");
const never = () => new Promise<string>(() => {});
const notCalled = () => assert.fail("the database was asked");
const LEFT_ALONE = /left alone/;

Deno.test("A call without an answer fails when its time is over, and those behind it at once", async () => {
  const { clock, guard } = createGuard();
  const silent = guard.pass(never);
  clock.elapse(CALL_MS - 1);
  assert.equal(await guard.pass(answer), "answer", "one that may be slow is no reason yet");
  const second = guard.pass(never);
  clock.elapse(1);
  await assert.rejects(silent, /took longer than 5000 ms/);
  assert.equal(await guard.pass(answer), "answer", "it has answered others meanwhile");
  clock.elapse(CALL_MS);
  await assert.rejects(second, /took longer/);
  const third = guard.pass(never);
  clock.elapse(CALL_MS);
  await assert.rejects(third, /took longer/);
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE);
  assert.equal(clock.pending, 0);
});

Deno.test("After a while one call at a time may show whether it is back", async () => {
  const { clock, guard } = createGuard();
  const silent = guard.pass(never);
  clock.elapse(CALL_MS);
  await assert.rejects(silent);
  clock.elapse(CALL_MS - 1);
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE);
  clock.elapse(1);
  const probe = guard.pass(never);
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE);
  clock.elapse(CALL_MS);
  await assert.rejects(probe, /took longer/);
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE);
  clock.elapse(CALL_MS);
  assert.equal(await guard.pass(answer), "answer");
  assert.equal(await guard.pass(answer), "answer");
});

Deno.test("A prompt failure is an answer; one that was long in coming is not", async () => {
  const { clock, guard } = createGuard();
  const fail = (ms: number) =>
    guard.pass(() => {
      clock.elapse(ms);
      return Promise.reject(new Error("locked"));
    });
  for (let i = 0; i < 3; i++) await assert.rejects(fail(0), /locked/);
  assert.equal(await guard.pass(answer), "answer");
  await assert.rejects(fail(1_000), /locked/);
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE);
});

Deno.test("An answer that comes too late is not heard", async () => {
  const { clock, guard } = createGuard();
  const late = Promise.withResolvers<string>();
  const silent = guard.pass(() => late.promise);
  clock.elapse(CALL_MS);
  await assert.rejects(silent);
  late.resolve("late");
  await late.promise;
  await assert.rejects(guard.pass(notCalled), LEFT_ALONE, "the next one may be as slow");
});
