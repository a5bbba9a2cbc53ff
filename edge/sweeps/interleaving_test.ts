// If this breaks, a client that resumes after a restart gets some events twice and others never.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { NumberedEvent } from "../../contract/mod.ts";
import { Interleaving, type PlacedEvent } from "./interleaving.ts";

const event = (id: number): NumberedEvent => ({
  id,
  event: { type: "generation.canceled", evaluations: id },
});
const shown = (placed: readonly PlacedEvent[]) =>
  placed.map(({ place, branch, id }) => [place, branch, id]);

/** Offers the branches' events in the order of the list of branches, ending each after its last. */
function merge(interleaving: Interleaving, arrivals: readonly number[], count: number) {
  const next = new Map<number, number>();
  return arrivals.flatMap((branch) => {
    const id = next.get(branch) ?? 0;
    next.set(branch, id + 1);
    const placed = interleaving.offer(branch, event(id));
    return [...placed, ...(id + 1 === count ? interleaving.end(branch) : [])];
  });
}

Deno.test("Interleaving places events as they arrive", () => {
  const placed = merge(new Interleaving(), [0, 1, 1, 0, 2, 2], 2);
  assert.deepEqual(shown(placed), [[0, 0, 0], [1, 1, 0], [2, 1, 1], [3, 0, 1], [4, 2, 0], [
    5,
    2,
    1,
  ]]);
});

Deno.test("Interleaving gives the same places again, however the events arrive, then goes on", () => {
  const COUNT = 5;
  const branches = [0, 1, 2].flatMap((branch) => Array<number>(COUNT).fill(branch));
  const arrivals = fc.shuffledSubarray(branches, { minLength: branches.length });
  fc.assert(fc.property(arrivals, arrivals, fc.nat(branches.length), (first, second, lost) => {
    const original = new Interleaving();
    const before = merge(original, first, COUNT);
    const remembered = original.order.slice(0, lost);
    const again = merge(new Interleaving(remembered), second, COUNT);
    assert.deepEqual(shown(again).slice(0, lost), shown(before).slice(0, lost));
    assert.deepEqual(again.map(({ place }) => place), branches.map((_, place) => place));
    const each = new Set(again.map(({ branch, id }) => `${branch} ${id}`));
    assert.equal(each.size, branches.length);
  }));
});

Deno.test("Interleaving waits for nothing that will not come", () => {
  const remembered = [[0, 0], [1, 0], [0, 1], [1, 1]] as const;
  const gone = new Interleaving(remembered);
  gone.offer(0, event(0));
  // The preview that was event 1 of branch 0 has left its log.
  assert.deepEqual(shown(gone.offer(1, event(0))), [[1, 1, 0]]);
  assert.deepEqual(shown(gone.offer(0, event(2))), []);
  assert.deepEqual(shown(gone.end(1)), [[4, 0, 2]]);
});
