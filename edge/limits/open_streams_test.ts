// If this breaks, one account's readers hold all the memory, or places are lost with readers that left.
import assert from "node:assert/strict";
import { readStreamsMax } from "./limit_settings.ts";
import { OpenStreams, type StreamPlace, UNSEEN_MS } from "./open_streams.ts";

function counted(max: number) {
  const clock = { now: 1_000 };
  const streams = new OpenStreams({ max, now: () => clock.now });
  const enter = (account: string, concurrent = 1): StreamPlace | string => {
    const entered = streams.enter(account, concurrent);
    return entered.ok ? entered.value : entered.problem.detail;
  };
  const enterMany = (account: string, count: number, concurrent = 1) =>
    Array.from({ length: count }, () => enter(account, concurrent))
      .filter((place) => typeof place === "object");
  return { clock, streams, enter, enterMany };
}

const OF_ONE = /^Open streams of one account must be at most 16, given one more; close one/;
const OF_ALL = /^Open streams of all accounts must be at most 40, given one more/;

for (
  const [concurrent, places] of [[1, 16], [2, 32], [8, 128], [64, 1_000], [256, 1_000]] as const
) {
  Deno.test(`An account with ${concurrent} generations at a time has ${places} of 1,000 streams`, () => {
    const { enterMany, enter } = counted(1_000);
    assert.equal(enterMany("a", 1_001, concurrent).length, places);
    assert.equal(typeof enter("b"), places < 1_000 ? "object" : "string");
  });
}

Deno.test("One account's streams leave room for the others', until all places are taken", () => {
  const { enter, enterMany, streams } = counted(40);
  const [first] = enterMany("a", 17);
  assert.match(String(enter("a")), OF_ONE);
  enterMany("b", 16);
  enterMany("c", 8);
  assert.match(String(enter("d")), OF_ALL);
  first?.leave();
  first?.leave();
  assert.equal(streams.count, 39, "a place is left once");
  assert.equal(typeof enter("a"), "object");
  assert.match(String(enter("a")), OF_ONE);
});

Deno.test("A refusal is one that passes, with the time to ask again", () => {
  const { streams, enterMany } = counted(40);
  enterMany("a", 16);
  const entered = streams.enter("a", 1);
  assert(!entered.ok);
  assert.deepEqual([entered.problem.code, entered.problem.status], ["rate_limited", 429]);
  assert.equal(entered.problem.retry_after, 5);
});

Deno.test("A reader that was not seen for longer than a stall is gone, one that was seen is not", () => {
  const { clock, enter, enterMany } = counted(40);
  const places = enterMany("a", 16);
  clock.now += UNSEEN_MS;
  for (const place of places.slice(0, 15)) place.renew();
  assert.match(String(enter("a")), OF_ONE);
  clock.now += 1;
  assert.equal(typeof enter("a"), "object");
  assert.match(String(enter("a")), OF_ONE);
});

Deno.test("STREAMS_MAX is an integer, 1024 where it is left out", () => {
  assert.equal(readStreamsMax({}), 1_024);
  assert.equal(readStreamsMax({ STREAMS_MAX: "7" }), 7);
  for (const given of ["0", "-1", "1.5", "100001", "many"]) {
    const message = `STREAMS_MAX must be an integer from 1 to 100000, given "${given}"`;
    assert.throws(() => readStreamsMax({ STREAMS_MAX: given }), { message });
  }
});
