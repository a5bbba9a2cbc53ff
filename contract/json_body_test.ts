// If this breaks, a compressed body or one in another charset is told that its JSON is wrong.
import assert from "node:assert/strict";
import { refuseBodyFields } from "./json_body.ts";

Deno.test("Plain JSON in UTF-8 is taken in every spelling", () => {
  const types = [
    "application/json",
    "Application/JSON",
    " application/json ; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json; CHARSET=utf8",
    "application/json;profile=x",
    "application/json;",
  ];
  for (const type of types) assert.equal(refuseBodyFields({ type, encoding: null }), null, type);
  for (const encoding of [undefined, "", "identity", " Identity "]) {
    assert.equal(refuseBodyFields({ type: "application/json", encoding }), null, encoding);
  }
});

Deno.test("Everything else is refused by one sentence", () => {
  const cases: readonly (readonly [string | null, string | null, string])[] = [
    [null, null, "Content-Type must be application/json, given nothing"],
    ["", null, "Content-Type must be application/json, given nothing"],
    ["text/plain", null, 'Content-Type must be application/json, given "text/plain"'],
    ["application/jsonp", null, 'Content-Type must be application/json, given "application/jsonp"'],
    ["application/problem+json", null, "Content-Type must be application/json, given"],
    ["application/json, text/plain", null, "Content-Type must be application/json, given"],
    [
      "application/json; charset=ISO-8859-1",
      null,
      'The charset of Content-Type must be UTF-8, given "ISO-8859-1"',
    ],
    ["application/json;charset=utf-16le", null, "The charset of Content-Type must be UTF-8"],
    ['application/json;charset=""', null, "The charset of Content-Type must be UTF-8"],
    ["application/json", "gzip", 'A body must come without Content-Encoding, given "gzip"'],
    ["application/json", "BR", 'A body must come without Content-Encoding, given "BR"'],
    ["application/json", "identity, gzip", "A body must come without Content-Encoding"],
    ["application/json", "identityx", "A body must come without Content-Encoding"],
  ];
  for (const [type, encoding, detail] of cases) {
    const problem = refuseBodyFields({ type, encoding });
    assert.equal(problem?.code, "unsupported_media_type", `${type} ${encoding}`);
    assert(problem?.detail.startsWith(detail), problem?.detail);
  }
});
