// If this breaks, browsers of other pages cannot use the API, or may do too much with it.
import assert from "node:assert/strict";
import { Hono } from "hono";
import { fileURLToPath } from "node:url";
import { OpenAI } from "openai";
import { LIMITS } from "../../contract/mod.ts";
import { parsePageHeaders } from "../platforms/deno/page_headers.ts";
import { allowOrigins, readCorsOrigins } from "./cross_origin.ts";
import { boundsProblem } from "./request_bounds.ts";
import { securityHeaders } from "./security_headers.ts";

Deno.test("Origins are all, or those that are named; what is none is refused", () => {
  assert.deepEqual(readCorsOrigins({}), ["*"]);
  const named = "https://example.org, http://localhost:3000";
  assert.deepEqual(readCorsOrigins({ CORS_ORIGINS: named }), named.split(", "));
  for (const wrong of ["*, https://a.org", "example.org", "https://a.org/", "null", ","]) {
    const message = /^CORS_ORIGINS must be \* or origins such as/;
    assert.throws(() => readCorsOrigins({ CORS_ORIGINS: wrong }), { message });
  }
});

function appOf(origins: string[]): Hono {
  const app = new Hono();
  app.use(securityHeaders(origins.includes("*")));
  app.use(allowOrigins(origins));
  app.get("/sheet", (c) => c.body("x", 200, { "content-security-policy": "img-src data:" }));
  app.get("/", (c) => c.text("x"));
  return app;
}

const from = (origin: string) => ({ headers: { origin } });

Deno.test("A page of any origin may read answers and their limits, but nothing of a session", async () => {
  const { headers } = await appOf(["*"]).request("/", from("https://a.org"));
  assert.equal(headers.get("access-control-allow-origin"), "*");
  assert.equal(headers.get("access-control-allow-credentials"), null);
  // All of them, since there are no credentials.
  assert.equal(headers.get("access-control-expose-headers"), "*");
  assert.equal(headers.get("cross-origin-resource-policy"), "cross-origin");
});

Deno.test("Named origins are let in one by one, and caches are told", async () => {
  const app = appOf(["https://a.org"]);
  const own = await app.request("/", from("https://a.org"));
  assert.equal(own.headers.get("access-control-allow-origin"), "https://a.org");
  assert.match(own.headers.get("vary") ?? "", /Origin/);
  assert.equal(own.headers.get("cross-origin-resource-policy"), "same-origin");
  const other = await app.request("/", from("https://a.org.evil.example"));
  assert.equal(other.headers.get("access-control-allow-origin"), null);
});

Deno.test("A preflight is answered once for two hours", async () => {
  const headers = { origin: "https://a.org", "access-control-request-method": "POST" };
  const response = await appOf(["*"]).request("/", { method: "OPTIONS", headers });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("access-control-max-age"), "7200");
});

/** Returns the fields that OpenAI's client sends of itself, as they are on the wire. */
async function fieldsOfOpenAi(): Promise<string[]> {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const client = new OpenAI({
    baseURL: "http://127.0.0.1/v1",
    apiKey: "sf_1",
    organization: "o",
    project: "p",
    dangerouslyAllowBrowser: true,
    fetch: (_url, init) => {
      resolve([...new Headers(init?.headers).keys()]);
      return Promise.resolve(Response.json({ data: [] }));
    },
  });
  await client.images.generate({ prompt: "a" }, { idempotencyKey: "k" });
  return await promise;
}

const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  "OpenAI's Python client in a browser": [
    "authorization",
    "content-type",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "x-stainless-arch",
    "x-stainless-async",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-raw-response",
    "x-stainless-read-timeout",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
  ],
  "OpenTelemetry and Sentry": ["baggage", "sentry-trace", "traceparent", "tracestate"],
  "a host of MCP": ["content-type", "last-event-id", "mcp-protocol-version", "mcp-session-id"],
  "an EventSource made of fetch": ["accept", "authorization", "cache-control", "last-event-id"],
  axios: ["content-type", "x-requested-with", "x-xsrf-token"],
  "Hugging Face's client": ["authorization", "content-type", "x-use-cache", "x-wait-for-model"],
  htmx: ["hx-current-url", "hx-request", "hx-target", "hx-trigger"],
  "our own": ["idempotency-key", "if-none-match", "if-range", "range", "x-request-id"],
};

Deno.test("A preflight allows the fields of clients that nobody here has heard of", async () => {
  const sent = await fieldsOfOpenAi();
  assert(sent.some((name) => name.startsWith("x-stainless-")), `${sent}`);
  for (const [client, names] of Object.entries({ ...CLIENTS, "OpenAI's client": sent })) {
    const headers = {
      origin: "https://a.org",
      "access-control-request-method": "POST",
      "access-control-request-headers": names.join(","),
    };
    const response = await appOf(["https://a.org"]).request("/", { method: "OPTIONS", headers });
    const allowed = response.headers.get("access-control-allow-headers")?.split(",");
    assert.deepEqual(allowed, names, client);
    assert.match(response.headers.get("vary") ?? "", /Access-Control-Request-Headers/);
  }
});

Deno.test("An answer opened by itself may load nothing, unless it says so itself", async () => {
  const app = appOf(["*"]);
  const { headers } = await app.request("/");
  const policy = "default-src 'none'; frame-ancestors 'none'";
  assert.equal(headers.get("content-security-policy"), policy);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("x-frame-options"), "DENY");
  const sheet = await app.request("/sheet");
  assert.equal(sheet.headers.get("content-security-policy"), "img-src data:");
});

Deno.test("URLs and header fields have their bounds, to the character", () => {
  const requestOf = (urlLength: number, headerBytes: number) =>
    new Request("http://e.org/?".padEnd(urlLength, "a"), {
      headers: { "x-a": "b".repeat(headerBytes - 3) },
    });
  const { urlLength, headerBytes } = LIMITS;
  assert.equal(boundsProblem(requestOf(urlLength, headerBytes)), null);
  assert.equal(boundsProblem(requestOf(urlLength + 1, 10))?.code, "url_too_long");
  const problem = boundsProblem(requestOf(20, headerBytes + 1));
  assert.equal(problem?.code, "headers_too_large");
  assert.equal(problem?.status, 431);
});

Deno.test("The page's own policy is one that Deno and Cloudflare read alike", async () => {
  const path = fileURLToPath(new URL("../../web/public/_headers", import.meta.url));
  const headers = parsePageHeaders(await Deno.readTextFile(path));
  const policy = headers["content-security-policy"] ?? "";
  assert.match(policy, /^default-src 'none'; script-src 'self';/);
  assert(!policy.includes("unsafe"), policy);
  assert.throws(() => parsePageHeaders("/a\n  X: y"), /must begin with/);
  assert.throws(() => parsePageHeaders("/*\nX: y"), /must have indented fields/);
});
