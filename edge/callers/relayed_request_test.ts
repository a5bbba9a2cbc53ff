// If this breaks, everybody behind a proxy on this machine is taken for who works there.
import assert from "node:assert/strict";
import { isAskedHere } from "./relayed_request.ts";

type Case = readonly [url: string, headers: Record<string, string>];

const LOCAL: readonly Case[] = [
  ["http://127.0.0.1:8787/v1", {}],
  ["http://localhost:8787/v1", { host: "localhost:8787" }],
  ["http://studio.localhost/v1", { host: "studio.localhost" }],
  ["http://[::1]:8787/v1", { host: "[::1]:8787" }],
  ["http://127.9.9.9/v1", { origin: "http://localhost:5173" }],
  ["http://localhost/v1", { origin: "http://127.0.0.1:8787", "sec-fetch-site": "cross-site" }],
  ["http://localhost/v1", { referer: "http://localhost:8787/studio?q=1" }],
  ["http://localhost/v1", { "sec-fetch-site": "same-origin" }],
  ["http://localhost/v1", { "sec-fetch-site": "none", "x-request-id": "a" }],
];

const here = (headers: Record<string, string>): Case => ["http://127.0.0.1:8787/v1", headers];

const FOREIGN: readonly Case[] = [
  here({ "x-forwarded-for": "203.0.113.7" }),
  here({ "x-forwarded-for": "" }),
  here({ "x-forwarded-for": "127.0.0.1" }),
  here({ "x-forwarded-proto": "https" }),
  here({ "X-Forwarded-Anything": "a" }),
  here({ forwarded: "for=127.0.0.1" }),
  here({ via: "1.1 varnish" }),
  here({ "x-real-ip": "127.0.0.1" }),
  here({ "true-client-ip": "203.0.113.7" }),
  here({ "cdn-loop": "cloudflare" }),
  here({ host: "shapefirst.example" }),
  here({ host: "127.0.0.1.evil.example" }),
  here({ host: "localhost.evil.example:8787" }),
  here({ host: "10.0.0.1:8787" }),
  here({ host: "" }),
  ["http://evil.example/v1", {}],
  ["http://evil.example/v1", { host: "localhost" }],
  here({ origin: "https://evil.example" }),
  here({ origin: "null" }),
  here({ origin: "http://localhost.evil.example" }),
  here({ origin: "http://localhost@evil.example" }),
  here({ referer: "https://shapefirst.example/" }),
  here({ "sec-fetch-site": "cross-site" }),
];

Deno.test("A request that nothing has passed on, of a page of this machine or of none, is asked here", () => {
  for (const [url, headers] of LOCAL) {
    assert(isAskedHere({ url, headers: new Headers(headers) }), JSON.stringify([url, headers]));
  }
});

Deno.test("A mark of a relay, or a name or page from elsewhere, makes it a stranger's", () => {
  for (const [url, headers] of FOREIGN) {
    assert(!isAskedHere({ url, headers: new Headers(headers) }), JSON.stringify([url, headers]));
  }
});
