// A key keeps its outcome, unless another attempt may change it.
import assert from "node:assert/strict";
import { Hono } from "hono";
import { createFieldProblem, createProblem, fieldIssue } from "../../contract/mod.ts";
import { createIdempotencyKeys } from "../../db/idempotency_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import type { EdgeContext, EdgeEnv } from "../http/request_context.ts";
import { readTierLimits } from "../limits/limit_settings.ts";
import { problemResponse } from "../http/problem_response.ts";
import { keepIdempotent, movedProblem } from "./idempotency.ts";

type Route = (c: EdgeContext) => Response;

interface Stage {
  /** What the route answers. */
  route: Route;
  /** How often the route was asked. */
  asked: number;
  now: number;
  post(body?: string, account?: string, key?: string): Promise<Response>;
}

async function withStage(
  test: (stage: Stage) => Promise<void>,
  keysMax = 100,
): Promise<void> {
  const { database, close } = await openSqliteDatabase(":memory:");
  const work: Promise<unknown>[] = [];
  let seeds = 0;
  const app = new Hono<EdgeEnv>();
  app.use((c, next) => {
    const account = c.req.header("account") ?? "";
    c.set("caller", { account, keyed: true, limits: readTierLimits({}).key });
    return next();
  });
  app.use(keepIdempotent({
    idempotency: createIdempotencyKeys(database, keysMax),
    now: () => stage.now,
    drawSeed: () => seeds++,
    log: () => {},
    keepAlive: (promise) => void work.push(promise),
  }));
  app.post("/", (c) => {
    stage.asked++;
    return stage.route(c);
  });
  const stage: Stage = {
    route: () => new Response(),
    asked: 0,
    now: 0,
    async post(body = "{}", account = "key_1", key = "a") {
      const headers = { "idempotency-key": key, account };
      const response = await app.request("/", { method: "POST", headers, body });
      await Promise.all(work.splice(0));
      return response;
    },
  };
  try {
    await test(stage);
  } finally {
    close();
  }
}

const issue = fieldIssue("prompt", "text", 1);
const REFUSED = createFieldProblem("invalid_request", [issue]);

Deno.test("A refusal of what was asked is repeated without asking again", async () => {
  for (const problem of [REFUSED, createProblem("unplannable", "too wide")]) {
    await withStage(async (stage) => {
      stage.route = () => problemResponse(problem);
      const first = await stage.post();
      stage.route = () => new Response(null, { headers: { location: "/1" } });
      const again = await stage.post();
      assert.equal(stage.asked, 1);
      assert.equal(again.status, problem.status);
      assert.deepEqual(await again.json(), await first.json());
      assert.deepEqual(
        [first, again].map(({ headers }) => headers.get("idempotency-replayed")),
        [null, "true"],
      );
    });
  }
});

Deno.test("What another attempt may change is not kept", async () => {
  const cursor = fieldIssue("Last-Event-ID", "the id of an event", "x");
  const pace = fieldIssue("pace", "live", "slow");
  const passing = [
    createProblem("at_capacity", "busy"),
    createProblem("rate_limited", "slowly"),
    createProblem("upstream_failed", "broke"),
    createProblem("conflict", "canceled"),
    createProblem("model_unavailable", "damaged"),
    createProblem("forbidden", "not yours"),
    createFieldProblem("invalid_request", [cursor]),
    createFieldProblem("invalid_request", [pace]),
  ];
  for (const problem of passing) {
    await withStage(async (stage) => {
      stage.route = () => problemResponse(problem);
      await stage.post();
      stage.route = () => new Response("done", { headers: { location: "/1" } });
      const again = await stage.post();
      assert.deepEqual([again.status, stage.asked], [200, 2], problem.code);
    });
  }
});

Deno.test("Every attempt under a key has one seed, and where the first has led to", async () => {
  await withStage(async (stage) => {
    const shown: unknown[] = [];
    stage.route = (c) => {
      shown.push([c.get("drawSeed")(), c.get("keptLocation")]);
      const moved = movedProblem(c, "/1");
      return moved ? problemResponse(moved) : new Response(null, { headers: { location: "/1" } });
    };
    for (let i = 0; i < 3; i++) assert.equal((await stage.post()).status, 200);
    assert.deepEqual(shown, [[0, null], [0, "/1"], [0, "/1"]]);
    stage.route = (c) => problemResponse(movedProblem(c, "/2") ?? REFUSED);
    const moved = await stage.post();
    assert.equal(moved.status, 409);
    assert.match((await moved.json()).detail, /stands for \/1, whose model has changed/);
  });
});

Deno.test("A key is its account's own, and another body's no more than a day later", async () => {
  await withStage(async (stage) => {
    await stage.post();
    assert.equal((await stage.post("{ }", "key_2")).status, 200);
    const other = await stage.post("{ }");
    assert.equal((await other.json()).code, "idempotency_mismatch");
    assert.equal(stage.asked, 2);
    stage.now = 24 * 60 * 60_000;
    assert.equal((await stage.post("{ }")).status, 200);
  });
});

Deno.test("The body reaches the route whole, and only up to the limit", async () => {
  await withStage(async (stage) => {
    let text = "";
    stage.route = (c) => {
      void c.req.raw.text().then((body) => text = body);
      return new Response();
    };
    await stage.post('{"prompt":"ä"}');
    assert.equal(text, '{"prompt":"ä"}');
    const large = await stage.post("x".repeat(64 * 1024 + 1));
    assert.equal((await large.json()).code, "body_too_large");
  });
});

Deno.test("A key too many is refused before its route, with the time to ask again", async () => {
  await withStage(async (stage) => {
    for (const key of ["a", "b"]) assert.equal((await stage.post("{}", "key_1", key)).status, 200);
    const refused = await stage.post("{}", "key_1", "c");
    assert.deepEqual([refused.status, refused.headers.get("retry-after"), stage.asked], [
      429,
      "3600",
      2,
    ]);
    const { code, detail } = await refused.json();
    assert.equal(code, "rate_limited");
    assert.match(
      detail,
      /^Idempotency keys of one account must be at most 10000 in 24 hours, given/,
    );
    assert.equal((await stage.post("{}", "key_1", "a")).status, 200, "a known key goes on");
    assert.equal((await stage.post("{}", "key_2", "c")).status, 200, "another account has its own");
  }, 2);
});
