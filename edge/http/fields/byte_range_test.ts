import assert from "node:assert/strict";
import { readByteRange } from "./byte_range.ts";

Deno.test("A range is first and last byte, from a byte on, or the last bytes", () => {
  const cases = [
    ["bytes=0-0", { first: 0, last: 0 }],
    ["bytes=2-5", { first: 2, last: 5 }],
    ["Bytes = 2 - 5", { first: 2, last: 5 }],
    ["bytes=7-", { first: 7, last: 9 }],
    ["bytes=7-99", { first: 7, last: 9 }],
    ["bytes=-3", { first: 7, last: 9 }],
    ["bytes=,2-5, ,", { first: 2, last: 5 }],
    ["BYTES= 007-8", { first: 7, last: 8 }],
    ["bytes=-99", { first: 0, last: 9 }],
  ] as const;
  for (const [header, range] of cases) assert.deepEqual(readByteRange(header, 10), range, header);
});

Deno.test("A range behind the end cannot be satisfied", () => {
  for (const header of ["bytes=10-", "bytes=10-12", "bytes=-0"]) {
    assert.equal(readByteRange(header, 10), "not satisfiable", header);
  }
  assert.equal(readByteRange("bytes=-1", 0), "not satisfiable");
});

Deno.test("What is not a single range of bytes asks for the whole", () => {
  for (
    const header of [
      null,
      "",
      "bytes=",
      "bytes=-",
      "bytes=5-2",
      "bytes=0-1,3-4",
      "lines=0-1",
      "bytes=,",
      "bytes=0-1-2",
      "bytes 0-1/9",
      "bytes=a-b",
    ]
  ) {
    assert.equal(readByteRange(header, 10), null, String(header));
  }
});
