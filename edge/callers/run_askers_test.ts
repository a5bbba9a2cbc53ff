// If this breaks, one caller ends another's run, or a run goes on that nobody wants.
import assert from "node:assert/strict";
import { type Asker, RunAskers } from "./run_askers.ts";

const [A, B] = [{ account: "key_a" }, { account: "key_b" }];
const A_1: Asker = { account: "key_a", sweep: "1" };
const A_2: Asker = { account: "key_a", sweep: "2" };
const B_1: Asker = { account: "key_b", sweep: "1" };
const NOBODY: Asker = { account: "anonymous:0" };

interface Case {
  readonly asked: readonly Asker[];
  readonly left?: readonly Asker[];
  readonly who: Asker;
  /** Whether it may leave, and whether the run then goes on. */
  readonly outcome: "stranger" | "ends" | "goes on";
}

const CASES: readonly Case[] = [
  { asked: [A], who: A, outcome: "ends" },
  { asked: [A], who: B, outcome: "stranger" },
  { asked: [A], who: NOBODY, outcome: "stranger" },
  { asked: [A, B], who: A, outcome: "goes on" },
  { asked: [A, B], who: B, outcome: "goes on" },
  { asked: [A, B], left: [A], who: B, outcome: "ends" },
  { asked: [A, B], left: [A], who: A, outcome: "goes on" },
  { asked: [A, B], left: [A, B], who: A, outcome: "ends" },
  { asked: [A, A], who: A, outcome: "ends" },
  { asked: [A_1], who: A_1, outcome: "ends" },
  { asked: [A_1], who: A, outcome: "ends" },
  { asked: [A_1], who: A_2, outcome: "stranger" },
  { asked: [A_1], who: B_1, outcome: "stranger" },
  { asked: [A], who: A_1, outcome: "stranger" },
  { asked: [A, A_1], who: A_1, outcome: "goes on" },
  { asked: [A, A_1], who: A, outcome: "ends" },
  { asked: [A_1, A_2], who: A_2, outcome: "goes on" },
  { asked: [A_1, A_2], left: [A_1], who: A_2, outcome: "ends" },
  { asked: [A, A_1, B], who: A, outcome: "goes on" },
  { asked: [A, A_1, B], left: [A], who: B, outcome: "ends" },
];

Deno.test("A run ends when the last of those who asked for it leaves, and for nobody else", () => {
  for (const { asked, left = [], who, outcome } of CASES) {
    const before = new RunAskers();
    for (const asker of asked) before.add(asker);
    for (const asker of left) before.leave(asker);
    // What was stored and read again says the same.
    const askers = new RunAskers(JSON.parse(JSON.stringify(before.states)));
    const wanted = askers.isWantedWithout(who) ? "goes on" : "ends";
    const found = askers.has(who) ? wanted : "stranger";
    assert.equal(found, outcome, JSON.stringify({ asked, left, who }));
  }
});

Deno.test("Who has left and asks again wants the run again", () => {
  const askers = new RunAskers();
  assert(askers.add(A));
  assert(!askers.add({ ...A }), "nothing new");
  askers.leave(A);
  assert(askers.add(A));
  assert(askers.isWantedWithout(B));
  assert.equal(askers.states.length, 1);
});
