import assert from "node:assert/strict";
import { CircuitBreaker } from "./circuit_breaker.ts";

function createBreaker() {
  const clock = { now: 0 };
  const breaker = new CircuitBreaker({ failuresMax: 3, openMs: 100 }, () => clock.now);
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) breaker.failed();
  };
  return { breaker, clock, fail };
}

Deno.test("A circuit opens after failures in a row, not after as many with a success between", () => {
  const { breaker, fail } = createBreaker();
  fail(2);
  breaker.succeeded();
  fail(2);
  assert.equal(breaker.state, "closed");
  fail(1);
  assert.equal(breaker.state, "open");
});

Deno.test("An open circuit lets one probe through at a time, when its period is over", () => {
  const { breaker, clock, fail } = createBreaker();
  assert(!breaker.mayProbe(), "a closed one needs none");
  fail(3);
  assert(!breaker.mayProbe());
  clock.now = 100;
  assert(breaker.mayProbe());
  assert.equal(breaker.state, "half_open");
  assert(!breaker.mayProbe(), "one is under way");
  clock.now = 200;
  assert(breaker.mayProbe(), "the one before was lost");
});

Deno.test("A probe closes the circuit, or opens it for another period", () => {
  const { breaker, clock, fail } = createBreaker();
  fail(3);
  clock.now = 100;
  breaker.mayProbe();
  breaker.failed();
  assert.equal(breaker.state, "open");
  clock.now = 199;
  assert(!breaker.mayProbe());
  clock.now = 200;
  breaker.mayProbe();
  breaker.succeeded();
  assert.equal(breaker.state, "closed");
  fail(2);
  assert.equal(breaker.state, "closed", "the count starts over");
});
