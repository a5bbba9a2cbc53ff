// The process on loopback with the real engine: what a host of containers sees of it.
import assert from "node:assert/strict";
import { createServerSentDecoder, decodeOutput, type GenerationEvent } from "../contract/mod.ts";

const MAIN = `${import.meta.dirname}/main.ts`;

function spawn(env: Readonly<Record<string, string>>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN],
    env: { GPU_PORT: "0", GPU_THREADS: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function started(child: Deno.ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  const [, url] = text.match(/^GPU function ready at (http:\S+) \(models: mini\)\n$/) ?? [];
  assert(url, text);
  return url;
}

const request = (seed: number, num_inference_steps: number) => ({
  input: { model: "mini", prompt: "a blue bird", seed, num_inference_steps },
});

const STREAM = { accept: "text/event-stream" };

function put(url: string, id: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${url}/predictions/${id}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...STREAM, ...headers },
    body: JSON.stringify(body),
  });
}

async function events(response: Response, count = Infinity): Promise<[number, GenerationEvent][]> {
  assert.equal(response.status, 200, response.ok ? "" : await response.text());
  const decoder = createServerSentDecoder();
  const found: [number, GenerationEvent][] = [];
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    for (const message of decoder.feed(text)) {
      const event = decodeOutput(message);
      assert(event.ok);
      if (event.value && message.id !== null) found.push([message.id, event.value]);
    }
    if (found.length >= count) break;
  }
  return found;
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, "m"))?.[1]);
}

Deno.test("The GPU function as a process: draws, resumes, refuses, drains", async (t) => {
  // No Linux has DirectML, so this start falls back and says so.
  const child = spawn({ GPU_PROVIDER: "dml,cpu" });
  const log = new Response(child.stderr).text();
  try {
    const url = await started(child);
    await t.step("a prediction is a complete stream of the real engine", async () => {
      const found = await events(await put(url, "first", request(7, 4)));
      assert.deepEqual(found.map(([id]) => id), found.map((_, i) => i));
      assert.equal(found.at(-1)?.[1].type, "generation.completed");
      assert.equal(await metric(url, "shapefirst_unet_rows_total"), 8);
      const rest = await events(await put(url, "first", request(7, 4), { "last-event-id": "3" }));
      assert.deepEqual(rest, found.slice(4));
      assert.equal(await metric(url, "shapefirst_generations_started_total"), 1);
    });
    await t.step(
      "a client that drops its connection frees its place; the job goes on",
      async () => {
        await events(await put(url, "second", request(8, 30)), 3);
        const end = await events(
          await put(url, "second", request(8, 30), { "last-event-id": "2" }),
        );
        assert.equal(end.at(-1)?.[1].type, "generation.completed");
        for (let i = 0; i < 1_000 && await metric(url, "shapefirst_event_readers") > 0; i++);
        assert.equal(await metric(url, "shapefirst_event_readers"), 0);
        assert.equal(await metric(url, "shapefirst_generations_started_total"), 2);
      },
    );
    await t.step("a client that gives up waiting for JSON frees its place at once", async () => {
      const leave = new AbortController();
      const readers = () => metric(url, "shapefirst_event_readers");
      const waiting = fetch(`${url}/predictions/slow`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(request(10, 200)),
        signal: leave.signal,
      });
      for (let i = 0; i < 1_000 && await readers() === 0; i++);
      assert.equal(await readers(), 1);
      leave.abort();
      await assert.rejects(waiting, { name: "AbortError" });
      for (let i = 0; i < 1_000 && await readers() > 0; i++);
      assert.equal(await readers(), 0);
      assert.equal(await metric(url, "shapefirst_generations_running"), 1);
      const canceled = await fetch(`${url}/predictions/slow/cancel`, { method: "POST" });
      assert.equal(canceled.status, 200);
      await canceled.body?.cancel();
      const end = await events(await fetch(`${url}/predictions/slow`, { headers: STREAM }));
      assert.equal(end.at(-1)?.[1].type, "generation.canceled");
    });
    await t.step("requests are answered during a run, not after it", async () => {
      const id = "busy";
      const options = { prefer: "respond-async", accept: "application/json" };
      await (await put(url, id, request(9, 200), options)).body?.cancel();
      let status = "starting";
      while (status === "starting") {
        await (await fetch(`${url}/health-check`)).body?.cancel();
        ({ status } = await (await fetch(`${url}/predictions/${id}`)).json());
      }
      assert.equal(status, "processing");
      await (await fetch(`${url}/predictions/${id}/cancel`, { method: "POST" })).body?.cancel();
    });
    await t.step("a body of 1 MB is refused on the wire", async () => {
      const response = await put(url, "big", { input: { prompt: "x".repeat(1_000_000) } });
      assert.equal(response.status, 413);
      assert.equal((await response.json()).code, "body_too_large");
    });
    await t.step("SIGTERM: the running job ends, its reader sees the end, exit 0", async () => {
      const last = await put(url, "third", request(9, 30));
      const unread = { accept: "*/*", prefer: "respond-async" };
      assert.equal((await (await put(url, "unread", request(11, 40), unread)).json()).id, "unread");
      child.kill("SIGTERM");
      assert.equal((await events(last)).at(-1)?.[1].type, "generation.completed");
      assert.equal((await child.status).code, 0);
    });
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended, as it should.
    }
    await child.status;
    const lines = (await log).trim().split("\n");
    assert(lines.every((line) => typeof JSON.parse(line).message === "string"));
    const finished = lines.map((line) => JSON.parse(line)).filter(({ id }) => id === "unread");
    assert.equal(finished.at(-1)?.outcome, "succeeded", "the job without a reader was dropped");
    assert(!lines.some((line) => line.includes("bird")), "a prompt is in the log");
    const fallback = lines.find((line) => line.includes("provider_fallback")) ?? "{}";
    assert.equal(JSON.parse(fallback).provider, "cpu");
  }
});

Deno.test("A setting that cannot be used is one sentence and exit code 2", async () => {
  for (
    const [env, sentence] of [
      [{ GPU_PORT: "x" }, /^GPU_PORT must be an integer from 0 to 65535, given "x"\n$/],
      [{ MODELS_DIR: "/nowhere" }, /^MODELS_DIR must be a folder, given \/nowhere\n$/],
      [{ GPU_PROVIDER: "dml" }, /^GPU_PROVIDER must name a provider .*, given dml \(.*\)\n$/],
      [{ GPU_HOST: "192.0.2.1" }, /^Cannot listen on GPU_HOST 192\.0\.2\.1, GPU_PORT 0: .*\n$/],
    ] as const
  ) {
    const { code, stderr } = await spawn(env).output();
    assert.match(new TextDecoder().decode(stderr), sentence);
    assert.equal(code, 2);
  }
});
