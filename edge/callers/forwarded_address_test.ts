// If this breaks, a client behind a proxy chooses who it is taken for.
import assert from "node:assert/strict";
import fc from "fast-check";
import { forwardedAddress, type ProxyHeader } from "./forwarded_address.ts";

type Case = readonly [value: string | null, proxies: number, address: string | null];

const X_FORWARDED_FOR: readonly Case[] = [
  ["10.0.0.1, 203.0.113.7,198.51.100.2", 1, "198.51.100.2"],
  ["10.0.0.1, 203.0.113.7,198.51.100.2", 2, "203.0.113.7"],
  ["10.0.0.1, 203.0.113.7,198.51.100.2", 3, "10.0.0.1"],
  ["10.0.0.1, 203.0.113.7,198.51.100.2", 4, null],
  ["127.0.0.1, 203.0.113.7", 1, "203.0.113.7"],
  [" 203.0.113.7 ", 1, "203.0.113.7"],
  ["203.0.113.7:4711", 1, "203.0.113.7"],
  ["[2001:db8::1]:4711", 1, "2001:db8::1"],
  ["[2001:db8::1]", 1, "2001:db8::1"],
  ["2001:db8::1", 1, "2001:db8::1"],
  ["203.0.113.7,", 1, null],
  ["203.0.113.7, , 198.51.100.2", 2, null],
  [",", 1, null],
  ["", 1, null],
  [null, 1, null],
  ["203.0.113.7", 2, null],
];

const FORWARDED: readonly Case[] = [
  ["for=203.0.113.7", 1, "203.0.113.7"],
  ["For=203.0.113.7;proto=https;by=10.0.0.1", 1, "203.0.113.7"],
  ["proto=https; for=203.0.113.7", 1, "203.0.113.7"],
  ['for="203.0.113.7:80"', 1, "203.0.113.7"],
  ['for="[2001:db8::1]:4711";proto=http', 1, "2001:db8::1"],
  ["for=192.0.2.1, for=198.51.100.2", 1, "198.51.100.2"],
  ["for=192.0.2.1, for=198.51.100.2", 2, "192.0.2.1"],
  ["for=192.0.2.1,for=198.51.100.2;host=a.example", 1, "198.51.100.2"],
  ['for="a, for=127.0.0.1", for=198.51.100.2', 1, "198.51.100.2"],
  ['for="a, for=127.0.0.1", for=198.51.100.2', 3, null],
  ['for="\\127.0.0.1", for=198.51.100.2', 2, "127.0.0.1"],
  ["proto=https", 1, null],
  ["for=192.0.2.1, proto=https", 1, null],
  ['for="192.0.2.1, for=198.51.100.2', 1, null],
  ["for=192.0.2.1, , for=198.51.100.2", 1, null],
  ["for =192.0.2.1", 1, null],
  ["192.0.2.1", 1, null],
  [";;;", 1, null],
  ["", 1, null],
  [null, 1, null],
];

const headersOf = (header: ProxyHeader, value: string | null) =>
  new Headers(value === null ? {} : { [header]: value });

const TABLES = [["x-forwarded-for", X_FORWARDED_FOR], ["forwarded", FORWARDED]] as const;

for (const [header, table] of TABLES) {
  Deno.test(`Of ${header} the trusted entries are believed, and nothing before them`, () => {
    for (const [value, proxies, address] of table) {
      const found = forwardedAddress(headersOf(header, value), { header, proxies });
      assert.equal(found, address, `${value} of ${proxies}`);
    }
  });
}

Deno.test("Several fields of one name are one chain, and the other header is not looked at", () => {
  const headers = new Headers([
    ["x-forwarded-for", "192.0.2.1"],
    ["x-forwarded-for", "198.51.100.2"],
    ["forwarded", "for=192.0.2.3"],
    ["forwarded", "for=192.0.2.4;proto=https"],
  ]);
  assert.equal(forwardedAddress(headers, { header: "x-forwarded-for", proxies: 2 }), "192.0.2.1");
  assert.equal(forwardedAddress(headers, { header: "forwarded", proxies: 1 }), "192.0.2.4");
});

Deno.test("Whatever a client sends before it, the proxy's own entry is found, or nobody", () => {
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (sent) => {
    const text = sent.replace(/[^\x20-\x7e]/g, "");
    const own = "198.51.100.2";
    const plain = headersOf("x-forwarded-for", `${text}, ${own}`);
    assert.equal(forwardedAddress(plain, { header: "x-forwarded-for", proxies: 1 }), own);
    const found = forwardedAddress(headersOf("forwarded", `${text}, for=${own}`), {
      header: "forwarded",
      proxies: 1,
    });
    assert([own, null].includes(found), String(found));
  }));
});
