// If this breaks, accounts get more than their limits, or less, or hear of a wrong wait.
import assert from "node:assert/strict";
import fc from "fast-check";
import { AccountLimiter, type LimiterState, type Verdict } from "./account_limiter.ts";

const LIMITS = {
  requests_per_minute: 7,
  evaluations_per_minute: 100,
  concurrent_generations: 3,
};

/** A limiter as it is used: made anew from its state for every call. */
class Account {
  #state: LimiterState | null = null;
  limits = LIMITS;

  at(now: number): AccountLimiter {
    return new AccountLimiter(this.#state, this.limits, now);
  }

  do(now: number, act: (limiter: AccountLimiter) => Verdict): Verdict {
    const limiter = this.at(now);
    const verdict = act(limiter);
    this.#state = structuredClone(limiter.state);
    return verdict;
  }
}

const request = (limiter: AccountLimiter) => limiter.takeRequests(1);

Deno.test("A new account has its limit at once, and then one request in each part of the minute", () => {
  const account = new Account();
  for (let i = 0; i < 7; i++) assert.equal(account.do(0, request).refusal, null);
  const refused = account.do(0, request);
  assert.deepEqual(refused.refusal, { policy: "requests", retry_after: 9 });
  assert.deepEqual(refused.standing.requests, { limit: 7, remaining: 0, reset: 60 });
  // The next one has room after 60,000 / 7 ms.
  assert(account.do(8_571, request).refusal);
  assert.equal(account.do(8_572, request).refusal, null);
});

Deno.test("Of several requests at once as many are taken as there is room for", () => {
  const account = new Account();
  assert.equal(account.do(0, (limiter) => limiter.takeRequests(5)).granted, 5);
  const rest = account.do(0, (limiter) => limiter.takeRequests(5));
  assert.deepEqual([rest.granted, rest.standing.requests.remaining], [2, 0]);
  const none = account.do(0, (limiter) => limiter.takeRequests(5));
  assert.deepEqual([none.granted, none.refusal?.policy], [0, "requests"]);
});

Deno.test("Whatever is asked when, it is never more than the limit and its minute allow", () => {
  const pauses = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 80 });
  fc.assert(fc.property(pauses, (pauses) => {
    const account = new Account();
    const admitted: number[] = [];
    let now = 1_000_000;
    for (const pause of pauses) {
      now += pause;
      if (account.do(now, request).refusal === null) admitted.push(now);
    }
    for (const [i, from] of admitted.entries()) {
      for (const [j, to] of admitted.slice(i).entries()) {
        assert(j + 1 <= 7 + (to - from) * 7 / 60_000 + 1e-9);
      }
    }
  }));
});

Deno.test("Retry-After is right to the second: not earlier, not later", () => {
  const charge = fc.record({
    pause: fc.integer({ min: 0, max: 5_000 }),
    evaluations: fc.integer({ min: 1, max: 250 }),
  });
  fc.assert(fc.property(fc.array(charge, { maxLength: 30 }), (charges) => {
    const account = new Account();
    account.limits = { ...LIMITS, concurrent_generations: 1_000 };
    let now = 0;
    for (const [i, { pause, evaluations }] of charges.entries()) {
      now += pause;
      const begin = (limiter: AccountLimiter) => limiter.begin(`run ${i}`, evaluations);
      const { refusal } = account.do(now, begin);
      if (!refusal) continue;
      assert(begin(account.at(now + (refusal.retry_after - 1) * 1_000)).refusal);
      assert.equal(begin(account.at(now + refusal.retry_after * 1_000)).refusal, null);
    }
  }));
});

Deno.test("Waiting long enough makes an account as if it had never been", () => {
  const account = new Account();
  account.do(0, request);
  account.do(0, (limiter) => limiter.begin("a", 40));
  account.do(10, (limiter) => limiter.end("a", 40));
  assert.equal(account.at(23_999).isIdle, false);
  assert.equal(account.at(24_000).isIdle, true);
});

Deno.test("A run dearer than the limit needs an empty bucket, and is paid off after", () => {
  const account = new Account();
  assert.equal(account.do(0, (limiter) => limiter.begin("a", 300)).refusal, null);
  const refused = account.do(0, (limiter) => limiter.begin("b", 1));
  assert.deepEqual(refused.refusal, { policy: "evaluations", retry_after: 121 });
  assert.equal(refused.standing.evaluations.remaining, 0);
});

Deno.test("What a run did not spend is given back once", () => {
  const account = new Account();
  account.do(0, (limiter) => limiter.begin("a", 90));
  assert.equal(account.at(0).standing.evaluations.remaining, 10);
  account.do(0, (limiter) => limiter.end("a", 20));
  assert.equal(account.at(0).standing.evaluations.remaining, 80);
  account.do(0, (limiter) => limiter.end("a", 0));
  assert.equal(account.at(0).standing.evaluations.remaining, 80);
});

Deno.test("A slot is taken, freed by the end, and freed by time where no end comes", () => {
  const account = new Account();
  const begin = (run: string) => (limiter: AccountLimiter) => limiter.begin(run, 1);
  for (const run of ["a", "b", "c"]) assert.equal(account.do(0, begin(run)).refusal, null);
  assert.equal(account.do(0, begin("d")).refusal?.policy, "generations");
  account.do(0, (limiter) => limiter.end("b", 1));
  assert.equal(account.do(0, begin("d")).refusal, null);
  assert.equal(account.do(15 * 60_000 - 1, begin("e")).refusal?.policy, "generations");
  assert.equal(account.do(15 * 60_000, begin("e")).refusal, null);
  assert.equal(account.at(15 * 60_000).standing.generations.remaining, 2);
});

Deno.test("A run that begins again in its slot pays nothing, and holds it longer", () => {
  const account = new Account();
  for (const now of [0, 60_000]) account.do(now, (limiter) => limiter.begin("a", 60));
  assert.equal(account.at(60_000).standing.evaluations.remaining, 100);
  assert.equal(account.at(15 * 60_000).standing.generations.remaining, 2);
  assert.equal(account.at(16 * 60_000).standing.generations.remaining, 3);
});

Deno.test("A clock that goes back gives nothing away", () => {
  const account = new Account();
  account.do(60_000, (limiter) => limiter.begin("a", 100));
  account.do(0, request);
  assert.equal(account.at(60_000).standing.evaluations.remaining, 0);
});

Deno.test("A limit that was lowered meanwhile holds at once", () => {
  const account = new Account();
  for (let i = 0; i < 5; i++) account.do(0, request);
  account.limits = { ...LIMITS, requests_per_minute: 5 };
  assert(account.do(0, request).refusal);
});
