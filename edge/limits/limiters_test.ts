// If this breaks, accounts are counted together or not at all, or an outage loses requests.
import assert from "node:assert/strict";
import { parseList } from "structured-headers";
import type { LogRecord } from "../observability/log.ts";
import { limitProblem } from "./admission.ts";
import { readTierLimits } from "./limit_settings.ts";
import { createHandfulLimiters } from "./handful_limiters.ts";
import type { LimiterCall } from "./limiter_call.ts";
import { createLocalLimiters } from "./local_limiters.ts";
import { rateLimitHeaders } from "./rate_limit_headers.ts";
import { createSteadyLimiters } from "./steady_limiters.ts";

const limits = { requests_per_minute: 2, evaluations_per_minute: 10, concurrent_generations: 1 };
const REQUEST = { action: "request", limits } as const;

Deno.test("Accounts are counted apart, and those that are idle are forgotten first", async () => {
  let now = 0;
  const limiters = createLocalLimiters(() => now, 2);
  for (const _ of [1, 2]) await limiters.call("a", REQUEST);
  assert((await limiters.call("a", REQUEST)).refusal);
  assert.equal((await limiters.call("b", REQUEST)).refusal, null);
  now = 31_000;
  // By now b is idle, but a is not.
  await limiters.call("c", REQUEST);
  await limiters.call("a", REQUEST);
  assert((await limiters.call("a", REQUEST)).refusal);
});

Deno.test("Without its limiter a process counts by itself, and says so", async () => {
  const logged: LogRecord[] = [];
  const away = { call: () => Promise.reject(new Error("away")) };
  const limiters = createSteadyLimiters(away, {
    now: () => 0,
    log: (record) => void logged.push(record),
  });
  assert.equal((await limiters.call("a", REQUEST)).refusal, null);
  assert.equal((await limiters.call("a", REQUEST)).refusal, null);
  assert.equal((await limiters.call("a", REQUEST)).refusal?.policy, "requests");
  assert.equal(logged.length, 3);
  assert.equal(logged[0]?.level, "error");
});

Deno.test("Many requests cost few calls, and never get more than the limit", async () => {
  const many = { ...limits, requests_per_minute: 1_500 };
  let now = 0;
  const far = createLocalLimiters(() => now);
  const calls: string[] = [];
  const counted = {
    call: (account: string, call: LimiterCall) => {
      calls.push(call.action);
      return far.call(account, call);
    },
  };
  const isolates = [1, 2].map(() => createHandfulLimiters(counted, () => now));
  const standings: number[] = [];
  let admitted = 0;
  for (let i = 0; i < 2_000; i++) {
    const request = { action: "request", limits: many } as const;
    const verdict = await isolates[i % 2]!.call("a", request);
    if (verdict.refusal === null) admitted++;
    if (i < 6) standings.push(verdict.standing.requests.remaining);
  }
  assert.equal(admitted, 1_500);
  assert.deepEqual(standings, [1_499, 1_494, 1_498, 1_493, 1_497, 1_492]);
  assert.equal(calls.length, 1_500 / 5 + 500, "a refusal is always the limiter's own");
  now = 120_000;
  calls.length = 0;
  const [one] = isolates;
  for (const at of [0, 1_999, 2_000]) {
    now = 120_000 + at;
    await one!.call("a", { action: "request", limits: many });
  }
  assert.equal(calls.length, 2, "a handful is held for two seconds");
  await one!.call("a", { action: "request", limits });
  assert.equal(calls.length, 3, "limits that changed are asked for at once");
  await one!.call("a", { action: "look", limits: many });
  assert.deepEqual(calls.slice(3), ["look"]);
});

Deno.test("Limits are told in structured fields, and refused in a sentence", async () => {
  const limiters = createLocalLimiters(() => 0);
  await limiters.call("a", REQUEST);
  const begun = { action: "begin", run: "x", evaluations: 7, limits } as const;
  const { standing } = await limiters.call("a", begun);
  const headers = rateLimitHeaders(standing);
  assert.equal(
    headers["ratelimit-policy"],
    '"requests";q=2;w=60, "evaluations";q=10;w=60;qu="evaluations", ' +
      '"generations";q=1;qu="concurrent-requests"',
  );
  assert.equal(
    headers.ratelimit,
    '"requests";r=1;t=30, "evaluations";r=3;t=42, "generations";r=0;t=5',
  );
  for (const value of Object.values(headers)) assert.equal(parseList(value).length, 3);
  const problem = limitProblem(await limiters.call("a", { ...begun, run: "y" }));
  assert.equal(problem?.retry_after, 5);
  assert.match(
    problem?.detail ?? "",
    /at most 1 at a time, given one more; ask again in 5 seconds/,
  );
});

Deno.test("Tiers are set by name; what is not understood is refused", () => {
  const { anonymous, key } = readTierLimits({ ANONYMOUS_LIMITS: "requests=5, concurrent=1" });
  assert.deepEqual(anonymous, {
    requests_per_minute: 5,
    evaluations_per_minute: readTierLimits({}).anonymous.evaluations_per_minute,
    concurrent_generations: 1,
  });
  assert.deepEqual(key, readTierLimits({}).key);
  for (
    const wrong of ["requests", "requests=0", "requests=1e3", "hits=4", "requests=10000000000"]
  ) {
    assert.throws(() => readTierLimits({ KEY_LIMITS: wrong }), /^Error: KEY_LIMITS must be any of/);
  }
});
