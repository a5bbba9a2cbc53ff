/** A local server replaces the endpoint: tests see its requests and what becomes of its answers. */
import assert from "node:assert/strict";
import { describedScorer, readGrade, type Rubric } from "./described_score.ts";
import { createVisionChat } from "./vision_chat.ts";

const IMAGE = { width: 1, height: 1, data: Uint8Array.of(255, 0, 0) };

interface Sent {
  readonly model: string;
  readonly temperature: number;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

const say = (content: string) => Response.json({ choices: [{ message: { content } }] });

/** @param reply answers the n-th request, 0-based */
async function withServer(
  reply: (n: number, sent: Sent, request: Request) => Response,
  use: (baseUrl: string) => Promise<void>,
) {
  let n = 0;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => reply(n++, await request.json(), request),
  );
  try {
    await use(`http://127.0.0.1:${server.addr.port}/v1/`);
  } finally {
    await server.shutdown();
  }
}

function chatWith(baseUrl: string, waits: number[] = []) {
  return createVisionChat(
    { baseUrl, model: "m", key: "k", temperature: 0.7 },
    (milliseconds) => {
      waits.push(milliseconds);
      return Promise.resolve();
    },
  );
}

async function scoreWith(baseUrl: string, text: string, rubric: Rubric = "attribute") {
  return (await describedScorer(chatWith(baseUrl), rubric).score([{ image: IMAGE, text }]))[0]!;
}

Deno.test("each thing is graded after the image was described, and the mean is 0 to 1", async () => {
  const sent: Sent[] = [];
  const requests: { path: string; authorization: string | null }[] = [];
  await withServer((n, body, request) => {
    sent.push(body);
    requests.push({
      path: new URL(request.url).pathname,
      authorization: request.headers.get("authorization"),
    });
    return say(["I see a car.", '{"score": 100, "reason": "60 %"}', '{"score": "20"}'][n]!);
  }, async (baseUrl) => {
    assert.equal(await scoreWith(baseUrl, "a red car and a blue dog"), 0.6);
  });
  assert.deepEqual(requests[0], { path: "/v1/chat/completions", authorization: "Bearer k" });
  assert.deepEqual([sent[0]!.model, sent[0]!.temperature], ["m", 0.7]);
  assert.match(JSON.stringify(sent[1]!.messages[0]!.content), /data:image\/png;base64,/);
  assert.deepEqual(sent[1]!.messages.map(({ role }) => role), ["user", "assistant", "user"]);
  assert.equal(sent[1]!.messages[1]!.content, "I see a car.");
  assert.match(String(sent[1]!.messages[2]!.content), /"a red car"/);
  assert.match(String(sent[2]!.messages[2]!.content), /"a blue dog"/);
});

Deno.test("the general rubric grades the whole text at once", async () => {
  const asked: string[] = [];
  await withServer((n, { messages }) => {
    asked.push(String(messages.at(-1)!.content));
    return say(n === 0 ? "A car." : '{"score": 80}');
  }, async (baseUrl) => {
    assert.equal(await scoreWith(baseUrl, "a red car and a blue dog", "general"), 0.8);
  });
  assert.equal(asked.length, 2);
  assert.match(asked[1]!, /"a red car and a blue dog"/);
});

Deno.test("what may pass is tried again with growing waits, and then given up", async () => {
  const waits: number[] = [];
  const replies = [
    new Response("", { status: 500 }),
    new Response("", { status: 429 }),
    new Response("not JSON"),
    say("at last"),
  ];
  await withServer((n) => replies[n]!, async (baseUrl) => {
    const answer = await chatWith(baseUrl, waits).answer(IMAGE, [{ role: "user", text: "?" }]);
    assert.equal(answer, "at last");
  });
  assert.deepEqual(waits, [1000, 2000, 4000]);
  let asked = 0;
  await withServer(() => {
    asked += 1;
    return Response.json({ choices: [] });
  }, async (baseUrl) => {
    await assert.rejects(chatWith(baseUrl).answer(IMAGE, [{ role: "user", text: "?" }]), {
      message: "The vision endpoint failed 4 times, last: an answer without choices",
    });
  });
  assert.equal(asked, 4);
});

Deno.test("a request that is refused is one sentence, at once", async () => {
  let asked = 0;
  await withServer(() => {
    asked += 1;
    return new Response("no such key", { status: 401 });
  }, async (baseUrl) => {
    await assert.rejects(chatWith(baseUrl).answer(IMAGE, [{ role: "user", text: "?" }]), {
      name: "RangeError",
      message: "The vision endpoint must take the request, given status 401: no such key",
    });
  });
  assert.equal(asked, 1);
});

Deno.test("an answer without a grade is asked for three times, then there is none", async () => {
  let asked = 0;
  await withServer((n) => {
    asked += 1;
    return say(n === 0 ? "A car." : n < 3 ? "very well" : '{"score": 75}');
  }, async (baseUrl) => assert.equal(await scoreWith(baseUrl, "a red car"), 0.75));
  assert.equal(asked, 4);
  await withServer(() => say("very well"), async (baseUrl) => {
    assert.ok(Number.isNaN(await scoreWith(baseUrl, "a red car")));
  });
});

for (
  const message of [
    { content: '{"score": 20}', refusal: "I cannot look at this." },
    { content: null },
    { content: "I cannot" },
  ]
) {
  Deno.test(`a refusal (${JSON.stringify(message)}) is no score, and is not asked again`, async () => {
    let asked = 0;
    const finish_reason = message.content === "I cannot" ? "content_filter" : "stop";
    await withServer(() => {
      asked += 1;
      return Response.json({ choices: [{ finish_reason, message }] });
    }, async (baseUrl) => assert.ok(Number.isNaN(await scoreWith(baseUrl, "a red car"))));
    assert.equal(asked, 1);
  });
}

Deno.test("readGrade() takes the JSON's score before any other number, and none out of range", () => {
  assert.equal(readGrade('Of 2 things: {"score": 20}'), 20);
  assert.equal(readGrade("I would say 75 of 100."), 75);
  assert.equal(readGrade("-5, or 140, or 12.5"), 12.5);
  assert.equal(readGrade('{"score": 140}'), null);
  assert.equal(readGrade("well done"), null);
});
