/** Attacks on an edge through prompts and paths, for every platform. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { LIMITS } from "../../contract/mod.ts";
import type { Case } from "../edge_conformance/cases/case.ts";
import { assertProblem } from "../support/conformance_client.ts";

/** The setting that these cases need. */
export const POLICY = { BLOCKLIST: "weasel, sly fox" };

const refused = { status: 422, code: "prompt_refused" };
const invalid = { status: 400, code: "invalid_request" };

const ROUTES = ["/v1/generations", "/v1/plans"] as const;

const BLOCKED: readonly (readonly [prompt: string, name: string])[] = [
  ["a weasel", "as it is"],
  ["A WÉASEL", "with an accent"],
  ["a wеаsеl", "with Cyrillic letters"],
  ["a w\u200be\u200ba\u200bs\u200be\u200bl", "with spaces of no width"],
  ["a w\u200de\u200da\u200ds\u200de\u200dl", "with joiners"],
  ["a ｗｅａｓｅｌ", "in full width"],
  ["a w3a5el", "with digits"],
  ["a w e a s e l", "letter by letter"],
];

const blockedCases: Case[] = BLOCKED.map(([prompt, name]) => ({
  name: `refuses a blocked word ${name}, before the GPU function hears of it`,
  async run(client) {
    const puts = client.gpu.puts.length;
    for (const path of ROUTES) {
      const problem = await assertProblem(
        await client.post({ ...client.fresh(), prompt }, { path }),
        {
          ...refused,
          field: "prompt",
        },
      );
      assert(!JSON.stringify(problem).includes(prompt));
    }
    assert.equal(client.gpu.puts.length, puts);
  },
}));

/** Texts that do harm where they come out unescaped. */
const INJECTIONS: readonly string[] = [
  "a bird\u0000",
  "a bird\u0080set-cookie: stolen=1",
  "a bird\u001b[31m",
  "a \u202ebird",
  "a bird\u{e0041}\u{e0042}",
];

const injectionCases: Case[] = INJECTIONS.map((prompt) => ({
  name: `refuses ${JSON.stringify(prompt).slice(0, 40)}, which would be more than text`,
  async run(client) {
    for (const path of ROUTES) {
      const response = await client.post({ ...client.fresh(), prompt }, { path });
      assert.equal(response.headers.get("set-cookie"), null);
      await assertProblem(response, { ...invalid, field: "prompt" });
    }
    const sweep = { base: { ...client.fresh(), prompt }, cutoffs: [{ a: 1 }, { a: 2 }] };
    await assertProblem(await client.post(sweep, { path: "/v1/sweeps" }), {
      ...invalid,
      field: "base.prompt",
    });
  },
}));

/** Paths that lead elsewhere if they are joined to a folder or decoded twice. */
const TRAVERSALS: readonly string[] = [
  "/v1/models/..%2F..%2Fdeno.json",
  "/v1/models/%2e%2e%2findex.json",
  "/v1/models/..%5c..%5cindex",
  "/v1/models/fixture%2fmanifest.json",
  "/v1/models/fixture%00",
  "/v1/models/%252e%252e%252findex",
  `/v1/images/..%2f${"e".repeat(64)}.png`,
  `/v1/images/${"e".repeat(64)}.png%00.webp`,
  `/v1/generations/${"e".repeat(60)}..%2f`,
  `/v1/generations/${"e".repeat(64)}%2fevents`,
  `/v1/generations/${"e".repeat(64)}%0d%0aset-cookie:x`,
  `/v1/sweeps/..%2f..%2f${"e".repeat(58)}/sheet.svg`,
];

const traversalCases: Case[] = TRAVERSALS.map((path) => ({
  name: `finds nothing at ${path.replace(/e{20,}/, "eee")}`,
  async run(client) {
    const response = await client.request(path);
    assert.equal(response.headers.get("set-cookie"), null);
    await assertProblem(response, { status: 404, code: "not_found" });
  },
}));

const MODELS = ["../fixture", "..", ".", "fixture/../fixture", "a\\b", "fixture\u0000", "FIXTURE"];

const modelCases: Case[] = MODELS.map((model) => ({
  name: `refuses the model name ${JSON.stringify(model)}`,
  async run(client) {
    for (const path of ROUTES) {
      const response = await client.post({ ...client.fresh(), model }, { path });
      const unknown = { status: 422, code: "unknown_model" };
      await assertProblem(response, { ...unknown, field: "model" });
    }
    const sweep = { base: { ...client.fresh(), model }, cutoffs: [{ a: 1 }, { a: 2 }] };
    const response = await client.post(sweep, { path: "/v1/sweeps" });
    await assertProblem(response, { status: 422, code: "unknown_model", field: "base.model" });
  },
}));

/** A good request with 32 MiB of spaces after it, in about 32 kB. */
const BOMB = new Uint8Array(gzipSync(JSON.stringify({ prompt: "a bird" }).padEnd(1 << 25)));

export const PROMPT_CASES: readonly Case[] = [
  ...blockedCases,
  ...injectionCases,
  ...traversalCases,
  ...modelCases,
  {
    name: "refuses a blocked word in the swapped prompt and in sweeps, and lets it be excluded",
    async run(client) {
      const eos_swap = { prompt: "a sly fox" };
      await assertProblem(await client.post({ ...client.fresh(), eos_swap }), {
        ...refused,
        field: "eos_swap.prompt",
      });
      const base = { ...client.fresh(), prompt: "a weasel" };
      const sweep = await client.post({ base, cutoffs: [{ a: 1 }, { a: 2 }] }, {
        path: "/v1/sweeps",
      });
      await assertProblem(sweep, { ...refused, field: "base.prompt" });
      const excluded = await client.json({ ...client.fresh(), negative_prompt: "weasel" });
      assert.equal(excluded.status, "succeeded");
    },
  },
  {
    name: "reads lines as words, and puts none into a header or a stream of its own",
    async run(client) {
      for (
        const prompt of [
          "a bird\r\nset-cookie: stolen=1",
          "a bird\nevent: generation.completed\ndata: {}\n\n",
          "a bird\u0085set-cookie: stolen=1",
        ]
      ) {
        const response = await client.post({ ...client.fresh(), prompt });
        assert.equal(response.status, 200);
        assert.equal(response.headers.get("set-cookie"), null);
        const events = await response.text();
        assert.equal(events.match(/^event: generation\.completed$/gm)?.length, 1);
        assert.doesNotMatch(events, /^data: \{\}$/m);
      }
    },
  },
  {
    name: "shows no markup of a prompt in the contact sheet",
    async run(client) {
      const prompt = `a <script>x</script>"'&]]>`;
      const base = { ...client.fresh(), prompt };
      const response = await client.post({ base, cutoffs: [{ a: 1 }, { a: 2 }] }, {
        path: "/v1/sweeps",
        headers: { accept: "application/json" },
      });
      assert.equal(response.status, 200, await response.clone().text());
      const { links } = await response.json();
      const sheet = await client.request(links.sheet);
      assert.match(sheet.headers.get("content-security-policy") ?? "", /default-src 'none'/);
      assert.equal(sheet.headers.get("content-type"), "image/svg+xml");
      const svg = await sheet.text();
      assert.doesNotMatch(svg, /<script|\]\]>|script>/i);
    },
  },
  {
    name: "keeps prompts out of headers",
    async run(client) {
      const prompt = "a bird zanzibar";
      for (const path of [...ROUTES, "/v1/nothing"]) {
        const response = await client.post({ ...client.fresh(), prompt }, { path });
        assert.doesNotMatch(JSON.stringify([...response.headers]), /zanzibar/);
        await response.body?.cancel();
      }
    },
  },
  {
    name: "does not inflate a body that says it is compressed",
    async run(client) {
      for (const path of [...ROUTES, "/v1/sweeps"]) {
        for (const encoding of ["gzip", "br", "deflate", "gzip, gzip"]) {
          const response = await client.request(path, {
            method: "POST",
            headers: { "content-type": "application/json", "content-encoding": encoding },
            body: BOMB,
          });
          assert([400, 413, 415].includes(response.status), String(response.status));
          await response.body?.cancel();
        }
      }
      assert.equal((await client.json(client.fresh())).status, "succeeded");
    },
  },
  {
    name: "counts the tokens of the longest prompts that there are, and serves the next one",
    async run(client) {
      const { promptLength } = LIMITS;
      const longest = ["a", "a ", "\u{1f426}", "e\u0301", "́", "bird", "\u3000a", "🏳️‍🌈"]
        .map((text) => text.repeat(Math.floor(promptLength / text.length)));
      for (const prompt of longest) {
        for (const path of ROUTES) {
          const response = await client.post({ ...client.fresh(), prompt }, { path });
          // To the small tokeniser a long word may still be one token, so both are right.
          assert([200, 422].includes(response.status), await response.clone().text());
          await response.body?.cancel();
        }
      }
      const over = { ...client.fresh(), prompt: "a".repeat(promptLength + 1) };
      await assertProblem(await client.post(over), { ...invalid, field: "prompt" });
      assert.equal((await client.json(client.fresh())).status, "succeeded");
    },
  },
];
