/** What each caller may do, and how much of it, on every platform. */
import assert from "node:assert/strict";
import { type AccessBench, accountOf, withKey } from "../../support/access_bench.ts";
import {
  assertProblem,
  FrameReader,
  idOf,
  readFrames,
  SweepReader,
} from "../../support/conformance_client.ts";

export interface AccessCase {
  readonly name: string;
  run(bench: AccessBench): Promise<void>;
}

const LIMITED = { status: 429, code: "rate_limited" };
const UNKNOWN = { status: 404, code: "not_found" };

/** `r` of a policy in a `RateLimit` field. */
function remaining(response: Response, policy: string): number {
  const field = response.headers.get("ratelimit") ?? "";
  const [, count] = new RegExp(`"${policy}";r=(\\d+);t=\\d+`).exec(field) ?? [];
  assert(count !== undefined, `${policy} is not in ${field}`);
  return Number(count);
}

async function leave(response: Response): Promise<void> {
  await response.body?.cancel();
}

/** Asserts that paths answer callers without access just as unknown ones do. */
async function assertUnknown(bench: AccessBench, paths: readonly string[], unknown: string) {
  const id = /[0-9a-f]{64}/.exec(paths[0] ?? "")?.[0] ?? "";
  for (const headers of [withKey(bench.keys.other), bench.from()]) {
    for (const path of paths) {
      for (const method of path.endsWith(id) ? ["GET", "DELETE"] : ["GET"]) {
        const response = await bench.edge.request(path, { method, headers });
        const problem = await assertProblem(response, UNKNOWN);
        const nothing = await bench.edge.request(path.replace(id, unknown), { method, headers });
        const expected = await assertProblem(nothing, UNKNOWN);
        assert.equal(problem.detail.replace(id, unknown), expected.detail);
        assert.deepEqual([...response.headers.keys()], [...nothing.headers.keys()]);
      }
    }
  }
}

const NOWHERE = "f".repeat(64);

const KEY_CASES: readonly AccessCase[] = [
  {
    name: "knows an account by its key, whatever address it comes from",
    async run({ edge, keys, from }) {
      for (const headers of [from(), from()]) {
        const response = await edge.request("/v1/usage", {
          headers: { ...headers, ...withKey(keys.own) },
        });
        assert.equal(response.status, 200);
        const { account, limits } = await response.json();
        assert.equal(account, accountOf(keys.own));
        assert.equal(limits.requests_per_minute, 10_000);
      }
    },
  },
  {
    name:
      "refuses a key that is wrong, unknown or revoked, in the same words, and never anonymously",
    async run({ edge, keys, from }) {
      const wrong = [
        keys.own.replace(/.$/, (last) => last === "A" ? "E" : "A"),
        keys.own.replace(/^sf_................/, `sf_${"0".repeat(16)}`),
        keys.revoked,
      ];
      const details = new Set<string>();
      for (const key of wrong) {
        const response = await edge.request("/v1/models", {
          headers: { ...from(), ...withKey(key) },
        });
        assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer realm="shapefirst"/);
        const problem = await assertProblem(response, { status: 401, code: "unauthorized" });
        assert(!JSON.stringify(problem).includes(key.slice(3)));
        details.add(problem.detail);
      }
      assert.equal(details.size, 1);
      for (const value of ["Bearer", "Bearer sf_1", `Basic ${btoa("a:b")}`, keys.own]) {
        const headers = { ...from(), authorization: value };
        const response = await edge.request("/v1/models", { headers });
        await assertProblem(response, { status: 401, code: "unauthorized" });
      }
    },
  },
  {
    name: "refuses wrong keys of one address by their rate, and right ones there never",
    async run({ edge, keys, from }) {
      const [address, neighbour] = [from("2001:db8:7:7::1"), from("2001:db8:7:7::2")];
      const guess = (i: number) => `sf_${String(i).padStart(16, "0")}_${"A".repeat(43)}`;
      const ask = async (key: string, headers: Record<string, string>) => {
        const response = await edge.request("/v1/models", {
          headers: { ...headers, ...withKey(key) },
        });
        await leave(response);
        return response;
      };
      const guesses = Array.from({ length: 100 }, (_, i) => ask(guess(i), address));
      const statuses = (await Promise.all(guesses)).map(({ status }) => status);
      assert.deepEqual([...new Set(statuses)].sort(), [401, 429]);
      const refused = statuses.filter((status) => status === 401).length;
      // 30 at once, and one more for every two seconds that all of them took.
      assert(refused >= 30 && refused <= 40, `${refused}`);
      const limited = await ask(guess(200), neighbour);
      assert.equal(limited.status, 429, "a /64 is one client");
      assert(Number(limited.headers.get("retry-after")) >= 1);
      for (const key of [keys.own, keys.other]) {
        assert.equal((await ask(key, address)).status, 200);
        assert.equal((await ask(key.replace(/.$/, "~"), address)).status, 429);
      }
      assert.equal((await ask(guess(201), from())).status, 401, "another address");
      const keyless = await edge.request("/v1/models", { headers: address });
      assert.equal(keyless.status, 200, "who shows no key guesses none");
      await leave(keyless);
    },
  },
  {
    name: "tells an account its own usage of a day: requests, hits, runs, refusals and evaluations",
    async run({ client, edge, keys }) {
      const headers = withKey(keys.other);
      const request = client.fresh();
      for (let i = 0; i < 3; i++) await readFrames(await client.post(request, { headers }));
      await leave(await client.post({ ...request, width: 7 }, { headers }));
      let day;
      // Usage is written after the replies, within seconds.
      for (let i = 0; i < 100 && (day?.requests ?? 0) < 4; i++) {
        await new Promise((done) => setTimeout(done, 100));
        const usage = await (await edge.request("/v1/usage", { headers })).json();
        [day] = usage.days;
      }
      const { generations, hits, refused, evaluations } = day;
      assert.deepEqual({ generations, hits, refused, evaluations }, {
        generations: 1,
        hits: 2,
        refused: 1,
        evaluations: 40,
      });
      const anonymous = await edge.request("/v1/usage");
      assert.match(anonymous.headers.get("www-authenticate") ?? "", /^Bearer/);
      await assertProblem(anonymous, { status: 401, code: "unauthorized" });
    },
  },
];

const PRIVATE_CASES: readonly AccessCase[] = [
  {
    name: "shows a private generation to its owner alone, while it runs",
    async run(bench) {
      const { client, edge, gpu, keys } = bench;
      const request = client.fresh({ private: true });
      gpu.script(request.seed, { pauseAfter: 8 });
      const headers = withKey(keys.own);
      const reader = new FrameReader(await client.post(request, { headers }));
      const id = idOf(await reader.until(8));
      const path = `/v1/generations/${id}`;
      await assertUnknown(bench, [path, `${path}/events`, `/v1/images/${id}.png`], NOWHERE);
      const shown = await edge.request(path, { headers });
      assert.equal((await shown.json()).status, "running");
      const canceled = await edge.request(path, { method: "DELETE", headers });
      assert.equal(canceled.status, 202);
      assert.equal((await reader.rest()).at(-1)?.event.type, "generation.canceled");
    },
  },
  {
    name: "shows a private generation to its owner alone, once it is stored, and no cache keeps it",
    async run(bench) {
      const { client, edge, keys } = bench;
      const request = client.fresh({ private: true });
      const headers = withKey(keys.own);
      const id = idOf(await readFrames(await client.post(request, { headers })));
      const path = `/v1/generations/${id}`;
      const image = `/v1/images/${id}.png`;
      for (let i = 0; i < 2; i++) {
        const own = await edge.request(image, { headers });
        assert.equal(own.status, 200);
        assert.equal(own.headers.get("cache-control"), "private, no-store");
        await leave(own);
        await assertUnknown(bench, [path, `${path}/events`, image], NOWHERE);
      }
      assert.equal((await edge.request(path, { method: "DELETE", headers })).status, 409);
    },
  },
  {
    name: "never mixes private results with public ones, nor with those of another owner",
    async run({ client, keys, gpu }) {
      const request = client.fresh();
      const { started } = gpu;
      const ids = [
        idOf(await client.stream(request)),
        ...await Promise.all([keys.own, keys.other].map(async (key) => {
          const headers = withKey(key);
          return idOf(
            await readFrames(await client.post({ ...request, private: true }, { headers })),
          );
        })),
      ];
      assert.equal(new Set(ids).size, 3);
      assert.equal(gpu.started - started, 3);
      const open = await client.post(request, { headers: withKey(keys.own) });
      assert.equal(idOf(await readFrames(open)), ids[0], "without the field a result is public");
    },
  },
  {
    name: "shows a private sweep and its sheet to its owner alone, running and stored",
    async run(bench) {
      const { client, edge, gpu, keys } = bench;
      const headers = withKey(keys.own);
      const base = client.fresh({ private: true });
      gpu.script(base.seed, { pauseAfter: 8 });
      const body = { base, cutoffs: [{ a: 0 }, { a: 5 }] };
      const response = await client.post(body, { path: "/v1/sweeps", headers });
      const path = response.headers.get("location") ?? "";
      const reader = new SweepReader(response);
      const [planned] = await reader.until(4);
      assert(planned?.event.type === "sweep.planned");
      const paths = [path, `${path}/events`, `${path}/sheet.svg`];
      await assertUnknown(bench, paths, NOWHERE);
      assert.equal((await (await edge.request(path, { headers })).json()).status, "running");
      for (const { plan: { id } } of planned.event.branches) {
        await assertUnknown(bench, [`/v1/generations/${id}`], NOWHERE);
        gpu.release(id);
      }
      assert.equal((await reader.rest()).at(-1)?.event.type, "sweep.completed");
      await assertUnknown(bench, paths, NOWHERE);
      const sheet = await edge.request(`${path}/sheet.svg`, { headers });
      assert.equal(sheet.headers.get("cache-control"), "private, no-store");
      assert.match(await sheet.text(), /^<svg/);
      const again = await client.post(body, { path: "/v1/sweeps", headers });
      assert.equal((await new SweepReader(again).rest()).at(-1)?.event.type, "sweep.completed");
    },
  },
  {
    name: "refuses what is private without a key, and an owner from whomever",
    async run({ client, keys, from }) {
      const request = client.fresh({ private: true });
      for (const path of ["/v1/generations", "/v1/plans"]) {
        await assertProblem(await client.post(request, { path, headers: from() }), {
          status: 403,
          code: "forbidden",
          field: "private",
        });
      }
      const sweep = { base: request, cutoffs: [{ a: 0 }, { a: 5 }] };
      await assertProblem(await client.post(sweep, { path: "/v1/sweeps", headers: from() }), {
        status: 403,
        code: "forbidden",
        field: "base.private",
      });
      const owned = { ...request, owner: accountOf(keys.own) };
      await assertProblem(await client.post(owned, { headers: withKey(keys.other) }), {
        status: 400,
        code: "invalid_request",
        field: "owner",
      });
    },
  },
];

const LIMIT_CASES: readonly AccessCase[] = [
  {
    name: "counts the requests of an address, a /64 as one, and says when there is room again",
    async run({ edge, from }) {
      const first = await edge.request("/v1/models", { headers: from("2001:db8:1:2::1") });
      assert.match(first.headers.get("ratelimit-policy") ?? "", /^"requests";q=20;w=60, /);
      assert.equal(remaining(first, "requests"), 19);
      await leave(first);
      const burst = await Promise.all(Array.from({ length: 40 }, (_, i) => {
        const headers = from(`2001:db8:1:2::${i.toString(16)}`);
        return edge.request("/v1/models", { headers });
      }));
      const [refused, ...others] = burst.filter(({ status }) => status === 429);
      assert(refused && others.length > 0);
      for (const response of burst) if (response !== refused) await leave(response);
      const retryAfter = Number(refused.headers.get("retry-after"));
      assert(retryAfter >= 1 && retryAfter <= 3, `${retryAfter}`);
      assert.equal(remaining(refused, "requests"), 0);
      const problem = await assertProblem(refused, LIMITED);
      assert.equal(problem.retry_after, retryAfter);
      const other = await edge.request("/v1/models", { headers: from("2001:db8:1:3::1") });
      assert.equal(other.status, 200);
      await leave(other);
    },
  },
  {
    name: "takes a slot for a run, none for who joins it, and frees it by its end",
    async run({ client, gpu, from }) {
      const [mine, theirs] = [from(), from()];
      const first = client.fresh();
      gpu.script(first.seed, { pauseAfter: 8 });
      const reader = new FrameReader(await client.post(first, { headers: mine }));
      const id = idOf(await reader.until(8));
      const refused = await client.post(client.fresh(), { headers: mine });
      assert.equal(refused.headers.get("retry-after"), "5");
      assert.equal(remaining(refused, "generations"), 0);
      await assertProblem(refused, LIMITED);
      const joined = new FrameReader(await client.post(first, { headers: theirs }));
      await joined.until(8);
      // A caller that only reads another's run still has its own slot.
      const own = await client.post(client.fresh(), { headers: theirs });
      await readFrames(own);
      gpu.release(id);
      for (const each of [reader, joined]) await each.rest();
      const next = await readFrames(await client.post(client.fresh(), { headers: mine }));
      assert.equal(next.at(-1)?.event.type, "generation.completed");
    },
  },
  {
    name: "tells with a refusal how the account stands now, by limits of the key's own",
    async run({ client, edge, gpu, keys }) {
      const headers = withKey(keys.other);
      const before = await edge.request("/v1/models", { headers });
      assert.equal(remaining(before, "generations"), 1);
      await leave(before);
      const request = client.fresh();
      gpu.script(request.seed, { pauseAfter: 8 });
      const reader = new FrameReader(await client.post(request, { headers }));
      const id = idOf(await reader.until(8));
      const refused = await client.post(client.fresh(), { headers });
      assert.equal(remaining(refused, "generations"), 0);
      await assertProblem(refused, LIMITED);
      gpu.release(id);
      await reader.rest();
    },
  },
  {
    name:
      "charges what a run is planned to cost, cached answers nothing, and refuses to the second",
    async run({ client, from }) {
      const headers = from();
      const request = client.fresh();
      for (let i = 0; i < 3; i++) await readFrames(await client.post(request, { headers }));
      await readFrames(await client.post(client.fresh(), { headers }));
      const began = Date.now();
      const refused = await client.post(client.fresh(), { headers });
      const elapsed = Date.now() - began;
      // 80 of 100 are spent. 40 more need 20 that drain in 12 seconds, some of which have passed.
      const retryAfter = Number(refused.headers.get("retry-after"));
      assert(retryAfter <= 12 && retryAfter >= 12 - elapsed / 1_000 - 5, `${retryAfter}`);
      assert(remaining(refused, "evaluations") < 40);
      await assertProblem(refused, LIMITED);
    },
  },
  {
    name: "gives back what a canceled run did not spend",
    async run({ client, edge, gpu, from }) {
      const headers = from();
      const request = client.fresh({ num_inference_steps: 50 });
      gpu.script(request.seed, { pauseAfter: 6 });
      const reader = new FrameReader(await client.post(request, { headers }));
      const id = idOf(await reader.until(6));
      const during = await edge.request("/v1/models", { headers });
      assert(remaining(during, "evaluations") < 20);
      await leave(during);
      await leave(await edge.request(`/v1/generations/${id}`, { method: "DELETE", headers }));
      const last = (await reader.rest()).at(-1)?.event;
      assert(last?.type === "generation.canceled" && last.evaluations < 20);
      const after = await edge.request("/v1/models", { headers });
      assert(remaining(after, "evaluations") >= 100 - last.evaluations);
      assert.equal(remaining(after, "generations"), 1);
      await leave(after);
    },
  },
  {
    name: "charges a sweep once for its branches together, and gives it one slot",
    async run({ client, edge, from }) {
      const headers = from();
      const body = { base: client.fresh(), cutoffs: [{ a: 0 }, { a: 2 }, { a: 4 }] };
      const response = await client.post(body, { path: "/v1/sweeps", headers });
      const frames = await new SweepReader(response).rest();
      const [planned] = frames;
      assert(planned?.event.type === "sweep.planned");
      const { together, planned: apart } = planned.event.evaluations;
      assert(together < 100 && apart > 100, `${together} ${apart}`);
      assert.equal(frames.at(-1)?.event.type, "sweep.completed");
      const after = await edge.request("/v1/models", { headers });
      assert(remaining(after, "evaluations") >= 100 - together);
      assert(remaining(after, "evaluations") < 100);
      await leave(after);
      const again = await client.post(body, { path: "/v1/sweeps", headers });
      assert.equal((await new SweepReader(again).rest()).at(-1)?.event.type, "sweep.completed");
    },
  },
  {
    name: "counts each of many requests at once",
    async run({ edge, from }) {
      const headers = from();
      const responses = await Promise.all(
        Array.from({ length: 40 }, () => edge.request("/v1/models", { headers })),
      );
      const admitted = responses.filter(({ status }) => status === 200).length;
      for (const response of responses) await leave(response);
      // 20 are admitted at once, and one more for every three seconds that all of them took.
      assert(admitted >= 20 && admitted <= 24, `${admitted}`);
    },
  },
];

const HEADER_CASES: readonly AccessCase[] = [
  {
    name: "lets pages of other origins ask, and read what they need of the answer",
    async run({ edge, from }) {
      const headers = { ...from(), origin: "https://example.org" };
      const preflight = await edge.request("/v1/generations", {
        method: "OPTIONS",
        headers: {
          ...headers,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,x-stainless-os",
        },
      });
      assert.equal(preflight.status, 204);
      assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
      const allowed = preflight.headers.get("access-control-allow-headers");
      assert.equal(allowed, "authorization,x-stainless-os");
      const wrongKey = { ...headers, authorization: "Bearer no" };
      for (const sent of [headers, wrongKey]) {
        const response = await edge.request("/v1/models", { headers: sent });
        assert.equal(response.headers.get("access-control-allow-origin"), "*");
        assert.equal(response.headers.get("access-control-expose-headers"), "*");
        assert.equal(response.headers.get("x-content-type-options"), "nosniff");
        assert.match(response.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
        await leave(response);
      }
    },
  },
  {
    name: "refuses URLs and header fields beyond their bounds",
    async run({ edge, from }) {
      const long = await edge.request(`/v1/models?${"a".repeat(3_000)}`, { headers: from() });
      await assertProblem(long, { status: 414, code: "url_too_long" });
      const large = await edge.request("/v1/models", {
        headers: { ...from(), "x-large": "a".repeat(17_000) },
      });
      await assertProblem(large, { status: 431, code: "headers_too_large" });
    },
  },
];

export const ACCESS_CASES: readonly AccessCase[] = [
  ...KEY_CASES,
  ...PRIVATE_CASES,
  ...LIMIT_CASES,
  ...HEADER_CASES,
];
