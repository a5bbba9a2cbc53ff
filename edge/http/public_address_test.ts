// If this breaks, URLs in answers lead nowhere behind a proxy, or where a client wants them to.
import assert from "node:assert/strict";
import { publicAddressOf, readPublicUrl } from "./public_address.ts";

Deno.test("PUBLIC_URL is a URL to which paths can be added", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["", null],
    ["https://images.example.org", "https://images.example.org"],
    [" https://images.example.org/ ", "https://images.example.org"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["https://example.org/pictures//", "https://example.org/pictures"],
    ["HTTPS://Example.org:443", "https://example.org"],
  ];
  for (const [given, url] of cases) assert.equal(readPublicUrl({ PUBLIC_URL: given }), url, given);
  for (
    const given of [
      "images.example.org",
      "ftp://example.org",
      "https://",
      "https://a:b@example.org",
      "https://example.org/?a",
      "https://example.org/#",
      "/pictures",
    ]
  ) {
    const message = /^PUBLIC_URL must be an http or https URL without .*, given "/;
    assert.throws(() => readPublicUrl({ PUBLIC_URL: given }), { message }, given);
  }
});

interface Told {
  readonly proto?: string;
  readonly host?: string;
}

function request({ proto, host }: Told): Request {
  const headers = new Headers();
  if (proto !== undefined) headers.set("x-forwarded-proto", proto);
  if (host !== undefined) headers.set("x-forwarded-host", host);
  return new Request("http://10.0.0.1:8787/v1/images/generations?x", { headers });
}

Deno.test("A trusted proxy says how the client came, and nobody else", () => {
  const own = "http://10.0.0.1:8787";
  const cases: readonly (readonly [number, Told, string])[] = [
    [0, {}, own],
    [0, { proto: "https", host: "evil.example" }, own],
    [1, {}, own],
    [1, { proto: "https" }, "https://10.0.0.1:8787"],
    [1, { host: "a.example" }, "http://a.example"],
    [1, { proto: "HTTPS", host: "A.example:8443" }, "https://a.example:8443"],
    [1, { proto: "https", host: "[2001:db8::1]:444" }, "https://[2001:db8::1]:444"],
    // The client's own words come first, and those of the trusted proxies behind them.
    [1, { proto: "gopher, https", host: "evil.example, a.example" }, "https://a.example"],
    [2, { proto: "https, http", host: "a.example, inner" }, "https://a.example"],
    [2, { proto: "https", host: "a.example" }, "https://a.example"],
    [1, { proto: "", host: " , " }, own],
    [1, { proto: "javascript", host: "a.example" }, own],
    [1, { proto: "https", host: "a.example/path" }, own],
    [1, { proto: "https", host: "user@a.example" }, own],
    [1, { proto: "https", host: 'a.example"><b' }, own],
    [1, { proto: "https", host: "a.example:port" }, own],
  ];
  for (const [trustedProxies, told, expected] of cases) {
    const address = publicAddressOf({ publicUrl: null, trustedProxies });
    assert.equal(address(request(told)), expected, `${trustedProxies} ${JSON.stringify(told)}`);
  }
});

Deno.test("The operator's own address goes before what anybody says", () => {
  const address = publicAddressOf({ publicUrl: "https://example.org/p", trustedProxies: 1 });
  assert.equal(address(request({ proto: "http", host: "a.example" })), "https://example.org/p");
});
