// If this breaks, a misspelt field of a query is passed over, and a stream begins anew or at once.
import assert from "node:assert/strict";
import { CURSOR_FIELDS, queryProblem } from "./query_fields.ts";

const KNOWN = [...CURSOR_FIELDS, "pace"];

Deno.test("Each field of a query is known and given once", () => {
  for (
    const query of [
      "",
      "?",
      "&",
      "pace=live",
      "pace=",
      "pace",
      "last_event_id=1&pace=live",
      "p%61ce=x",
    ]
  ) {
    assert.equal(queryProblem(new URLSearchParams(query), KNOWN), null, query);
  }
});

Deno.test("Other fields are refused by name, with what is known", () => {
  const known = KNOWN.join(", ");
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ["cursor=3", KNOWN, `cursor is not a known field of the query, known are ${known}`],
    ["last-event-id=3", KNOWN, `last-event-id is not a known field of the query`],
    ["PACE=live", KNOWN, "PACE is not a known field of the query"],
    ["pace[]=live", KNOWN, "pace[] is not a known field of the query"],
    ["=x", KNOWN, '"" is not a known field of the query'],
    ["v=2", [], "v is not a known field of the query, known are none"],
    ["pace=live&pace=live", KNOWN, 'pace must be given once, given ["live","live"]'],
    ["pace=live&fast", KNOWN, "fast is not a known field of the query"],
    ["lastEventId=1&lastEventId=2", KNOWN, "lastEventId must be given once"],
    [`${"n".repeat(500)}=1`, KNOWN, `${"n".repeat(60)}… is not a known field`],
  ];
  for (const [query, known, detail] of cases) {
    const problem = queryProblem(new URLSearchParams(query), known);
    assert.equal(problem?.code, "invalid_request", query);
    assert(problem?.detail.startsWith(detail), `${query}: ${problem?.detail}`);
  }
});

Deno.test("No more fields are reported than in bodies", () => {
  const many = new URLSearchParams(Array.from({ length: 300 }, (_, i) => [`f${i}`, "1"]));
  assert.equal(queryProblem(many, [])?.errors?.length, 20);
});
