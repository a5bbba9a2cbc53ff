// If this breaks, a client that has the image loads it again, or is told to keep another one.
import assert from "node:assert/strict";
import { allowsRange, namesTag } from "./entity_tag.ts";

const ETAG = '"a1b2"';

Deno.test("If-None-Match is a list of tags, or a star, compared weakly", () => {
  const cases: readonly (readonly [string | null, boolean])[] = [
    ['"a1b2"', true],
    ['W/"a1b2"', true],
    [' "x" ,\t"a1b2"', true],
    ['"x",W/"a1b2","y"', true],
    ['"x,y", "a1b2"', true],
    [', "a1b2",, ', true],
    ["*", true],
    [" * ", true],
    ['"", "a1b2"', true],

    [null, false],
    ["", false],
    ["a1b2", false],
    ['"A1B2"', false],
    ['w/"a1b2"', false],
    ['W/ "a1b2"', false],
    ['"x, a1b2"', false],
    ['"x,"a1b2",y"', false],
    ['"a1b2" "x"', false],
    ['*, "x"', false],
    ['"a1b2', false],
    ['"a1b2"x', false],
  ];
  for (const [given, expected] of cases) {
    assert.equal(namesTag(given, ETAG), expected, `${given}`);
  }
});

Deno.test("A long list is read in time that grows with its length alone", () => {
  // A backtracking pattern would not come back from this.
  assert.equal(namesTag(`${'"x",'.repeat(4_000)}"`, ETAG), false);
  assert.equal(namesTag(`${", \t".repeat(5_000)}x`, ETAG), false);
});

Deno.test("If-Range takes the one tag, strongly", () => {
  for (const given of [null, ETAG, ` ${ETAG} `]) assert(allowsRange(given, ETAG), `${given}`);
  for (
    const given of [
      "",
      "a1b2",
      'W/"a1b2"',
      '"x"',
      '"a1b2", "x"',
      "*",
      "Tue, 01 Dec 2026 00:00:00 GMT",
    ]
  ) {
    assert(!allowsRange(given, ETAG), given);
  }
});
