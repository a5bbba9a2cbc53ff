// If this breaks, a GPU function takes calls that were signed for another one, or refuses its own.
import assert from "node:assert/strict";
import { audienceOf } from "../../contract/mod.ts";
import { parseAudiences } from "./call_audience.ts";

Deno.test("An audience is a host of the edge's GPU_URL, however either of them is spelled", () => {
  const pairs: readonly (readonly [url: string, set: string])[] = [
    ["http://127.0.0.1:8788", "127.0.0.1:8788"],
    ["http://gpu.example", "gpu.example"],
    ["http://gpu.example", "gpu.example:80"],
    ["https://gpu.example", "gpu.example"],
    ["https://gpu.example", "gpu.example:443"],
    ["https://gpu.example:443/", "https://gpu.example"],
    ["https://GPU.example/base/path", "gpu.EXAMPLE"],
    ["https://gpu.example:8443", "https://gpu.example:8443/base"],
    ["http://[::1]:8788", "[::1]:8788"],
    ["http://[0:0:0:0:0:0:0:1]:8788", " [::1]:8788 , gpu.example"],
    ["http://gpu-1:8788", "gpu-0:8788,gpu-1:8788"],
  ];
  for (const [url, set] of pairs) {
    assert(parseAudiences(set)?.has(audienceOf(new URL(url))), `${url} ${set}`);
  }
});

Deno.test("Another host or port is another audience", () => {
  const pairs: readonly (readonly [url: string, set: string])[] = [
    ["http://127.0.0.1:8789", "127.0.0.1:8788"],
    ["http://localhost:8788", "127.0.0.1:8788"],
    ["http://gpu.example:8788", "gpu.example"],
    ["http://gpu.example.evil.example", "gpu.example"],
    ["http://evil.example/gpu.example", "gpu.example"],
    ["http://gpu.example@evil.example", "gpu.example"],
  ];
  for (const [url, set] of pairs) {
    assert.equal(parseAudiences(set)?.has(audienceOf(new URL(url))), false, `${url} ${set}`);
  }
});

Deno.test("What is no host is refused, and any host must be asked for by its word", () => {
  assert.equal(parseAudiences("any"), null);
  assert.equal(parseAudiences(" any "), null);
  for (
    const wrong of [
      "",
      ",",
      "a,",
      "a b",
      "gpu.example/base",
      "ftp://gpu.example",
      "user@gpu.example",
      "https://",
      "gpu.example:99999",
      "gpu.example?x",
      "*",
    ]
  ) {
    assert.equal(parseAudiences(wrong), undefined, wrong);
  }
});
