/** OpenAI's own client, unmodified, against the edge on every platform. */
import assert from "node:assert/strict";
import OpenAI from "openai";
import type {
  Image,
  ImageGenerateParamsNonStreaming,
  ImageGenerateParamsStreaming,
  ImageGenStreamEvent,
} from "openai/resources/images";
import { LIMITS } from "../../../contract/mod.ts";
import type { Case } from "./case.ts";
import { type ConformanceClient, FrameReader, idOf } from "../../support/conformance_client.ts";

/** Fields of ours among OpenAI's. The client also sends fields that it does not know. */
type Fields = Readonly<Record<string, unknown>>;

/** The field that each image has in addition to OpenAI's. */
interface WithGeneration {
  readonly generation: {
    readonly id: string;
    readonly seed: number;
    readonly cached: boolean;
    readonly evaluations: { readonly planned: number; readonly saved: number };
  };
}

/** @param apiKey null for a client without an account */
function openAiClient(client: ConformanceClient, apiKey: string | null = null): OpenAI {
  return new OpenAI({
    baseURL: `${client.edge.url ?? "http://edge.test"}/v1`,
    apiKey: apiKey ?? "none",
    ...(apiKey === null ? { defaultHeaders: { Authorization: null } } : {}),
    maxRetries: 0,
    fetch: (url, init) => {
      const { pathname, search } = new URL(String(url));
      return client.request(pathname + search, init as RequestInit);
    },
  });
}

const asked = (fields: Fields) => ({ ...fields }) as unknown as ImageGenerateParamsNonStreaming;

async function draw(client: ConformanceClient, fields: Fields) {
  const { data, response } = await openAiClient(client).images.generate(asked(fields))
    .withResponse();
  return { answer: data, images: (data.data ?? []) as (Image & WithGeneration)[], response };
}

async function open(client: ConformanceClient, fields: Fields) {
  const body = { ...fields, stream: true } as unknown as ImageGenerateParamsStreaming;
  return await openAiClient(client).images.generate(body);
}

async function stream(client: ConformanceClient, fields: Fields): Promise<ImageGenStreamEvent[]> {
  return await Array.fromAsync(await open(client, fields));
}

/** The error that the client throws when it is refused. */
async function refusalOf(attempt: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const thrown = await attempt.then(() => null, (cause) => cause);
  assert(thrown instanceof OpenAI.APIError, String(thrown));
  return thrown;
}

/** The same request natively: its stored previews and image. */
async function nativeData(client: ConformanceClient, request: ReturnType<typeof client.fresh>) {
  const events = (await client.stream(request)).map(({ event }) => event);
  const previews = events.flatMap((event) => event.type === "generation.preview" ? [event] : []);
  const image = events.find((event) => event.type === "generation.image");
  return { previews, image: image?.data };
}

const TOKENS = 5;

const DRAWING_CASES: readonly Case[] = [
  {
    name: "gives OpenAI's client the image of the native request, and what it cost",
    async run(client) {
      const request = client.fresh({ cutoff: { guided_steps: 8 } });
      const { answer, images, response } = await draw(client, { ...request, user: "someone" });
      const native = await client.json(request);
      assert.equal(native.cached, true);
      const { image } = await nativeData(client, request);
      const { data: _, created, ...rest } = answer;
      assert.deepEqual(rest, {
        background: "opaque",
        output_format: "png",
        size: "48x32",
        usage: {
          total_tokens: TOKENS,
          input_tokens: TOKENS,
          output_tokens: 0,
          input_tokens_details: { text_tokens: TOKENS, image_tokens: 0 },
        },
      });
      assert(Math.abs(created - Date.now() / 1_000) < 600, "it is in seconds");
      const { id, evaluations, seed } = native;
      const generation = { id, seed, cached: false, evaluations };
      assert.deepEqual(images, [{ b64_json: image, generation }]);
      assert.equal(response.headers.get("location"), native.links.self);
      assert.equal(response.headers.get("x-begun-here"), null);
      const { started } = client.gpu;
      const again = await draw(client, request);
      assert.deepEqual(again.images, [{
        b64_json: image,
        generation: { ...generation, cached: true },
      }]);
      assert.equal(client.gpu.started, started);
    },
  },
  {
    name: "streams OpenAI's client its partial images, spread over the run, and one completed",
    async run(client) {
      for (const count of [0, 1, 2, 3] as const) {
        const request = client.fresh();
        const asked = { ...request, partial_images: count };
        const events = await stream(client, asked);
        const { previews, image } = await nativeData(client, request);
        const expected = [[], [9], [9, 14], [4, 9, 14]][count];
        const partials = previews.filter(({ step }) => expected?.includes(step));
        const last = events.at(-1);
        assert(last?.type === "image_generation.completed");
        const { created_at } = last;
        const common = { created_at, size: "48x32", quality: "auto", background: "opaque" };
        assert.deepEqual(
          events.slice(0, -1),
          partials.map(({ data }, partial_image_index) => ({
            type: "image_generation.partial_image",
            b64_json: data,
            partial_image_index,
            ...common,
            output_format: "png",
          })),
        );
        const { usage, generation, ...completed } = last as typeof last & WithGeneration;
        assert.deepEqual(completed, {
          type: "image_generation.completed",
          b64_json: image,
          ...common,
          output_format: "png",
        });
        assert.equal(usage.input_tokens_details.text_tokens, TOKENS);
        assert.deepEqual([generation.seed, generation.cached], [request.seed, false]);
        const again = await stream(client, asked);
        assert.deepEqual(again.map(({ b64_json }) => b64_json), events.map((e) => e.b64_json));
        assert.equal((again.at(-1) as unknown as WithGeneration).generation.cached, true);
      }
    },
  },
  {
    name: "asks the GPU function for closer previews where a run is short",
    async run(client) {
      const events = await stream(client, {
        ...client.fresh({ num_inference_steps: 5 }),
        partial_images: 3,
      });
      assert.deepEqual(events.map(({ type }) => type.slice("image_generation.".length)), [
        ...["partial_image", "partial_image", "partial_image"],
        "completed",
      ]);
    },
  },
  {
    name: "draws n images of seeds that follow one another, each a generation of its own",
    async run(client) {
      const request = client.fresh();
      const { seed: second } = client.fresh();
      const { started } = client.gpu;
      const native = await client.json({ ...request, seed: second });
      const { images, answer, response } = await draw(client, { ...request, n: 2 });
      assert.deepEqual(images.map(({ generation }) => generation.seed), [request.seed, second]);
      assert.deepEqual(images.map(({ generation }) => generation.cached), [false, true]);
      assert.equal(images[1]?.generation.id, native.id);
      assert.notEqual(images[0]?.b64_json, images[1]?.b64_json);
      assert.equal(answer.usage?.total_tokens, 2 * TOKENS);
      assert.equal(response.headers.get("location"), null);
      assert.equal(client.gpu.started - started, 2);
      const last = await draw(client, { ...request, seed: LIMITS.seedMax, n: 2 });
      const seeds = last.images.map(({ generation }) => generation.seed);
      assert.deepEqual(seeds, [LIMITS.seedMax, 0]);
    },
  },
  {
    name: "gives OpenAI's client the stored image's URL, in the format and size asked for",
    async run(client) {
      const fields = {
        ...client.fresh(),
        response_format: "url",
        size: "32x48",
        output_format: "webp",
        ...{ quality: "auto", background: "opaque", moderation: "auto", output_compression: 100 },
      } as const;
      const { answer, images: [image] } = await draw(client, fields);
      assert.deepEqual([answer.size, answer.output_format], ["32x48", "webp"]);
      assert.deepEqual(Object.keys(image ?? {}), ["url", "generation"]);
      const { origin, pathname } = new URL(image?.url ?? "");
      assert.equal(origin, client.edge.url ?? "http://localhost");
      const response = await client.request(pathname);
      assert.equal(response.headers.get("content-type"), "image/webp");
      const native = await client.json({
        ...client.fresh(),
        seed: fields.seed,
        ...{ width: 32, height: 48, output_format: "webp" },
      });
      assert.deepEqual([native.cached, native.id], [true, image?.generation.id]);
      assert.equal((await response.bytes()).length, native.image.bytes);
    },
  },
  {
    name: "takes null and auto from OpenAI's client for what it leaves out",
    async run(client) {
      const { seed } = client.fresh();
      const nothing = {
        ...{ n: null, size: null, quality: null, background: null, moderation: null },
        ...{ output_format: null, output_compression: null, response_format: null },
      };
      const one = await draw(client, { model: "fixture", prompt: "a blue bird", seed, ...nothing });
      const fields = { size: "auto", quality: "auto", background: "auto" } as const;
      const ours = {
        ...{ negative_prompt: null, guidance_scale: null, num_inference_steps: null },
        ...{ cutoff: null, eos_swap: null, sampler: null, private: null, token_states: null },
      };
      const three = await draw(client, { ...client.fresh(), seed, ...ours } as never);
      assert.equal(one.images[0]?.generation.id, three.images[0]?.generation.id);
      const drawn = await draw(client, { model: "fixture", prompt: "a blue bird", seed: null });
      assert(Number.isInteger(drawn.images[0]?.generation.seed));
      const refusal = await refusalOf(draw(client, { model: "fixture", prompt: null } as never));
      assert.match(refusal.message, /prompt must be .*, given null/);
      const two = await draw(client, { model: "fixture", prompt: "a blue bird", seed, ...fields });
      assert.equal(one.images[0]?.generation.id, two.images[0]?.generation.id);
    },
  },
];

const KEEPING_CASES: readonly Case[] = [
  {
    name: "joins a run under way, and lets it go on when OpenAI's client leaves",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { pauseAfter: 14 });
      const { started, dropped } = client.gpu;
      const native = new FrameReader(await client.post(request));
      const id = idOf(await native.until(14));
      for await (const event of await open(client, { ...request, partial_images: 3 })) {
        assert.equal(event.type, "image_generation.partial_image");
        // OpenAI's client leaves a stream by leaving the loop.
        break;
      }
      client.gpu.release(id);
      await native.rest();
      const again = await draw(client, request);
      assert.equal(again.images[0]?.generation.cached, true);
      assert.deepEqual([client.gpu.started - started, client.gpu.dropped - dropped], [1, 0]);
    },
  },
  {
    name: "goes on for OpenAI's client over a connection to the GPU function that broke",
    async run(client) {
      const request = client.fresh();
      client.gpu.script(request.seed, { breakAfter: 9 });
      const events = await stream(client, { ...request, partial_images: 3 });
      assert.deepEqual(events.map(({ type }) => type).at(-1), "image_generation.completed");
      assert.equal(events.length, 4);
    },
  },
  {
    name: "answers a repeated Idempotency-Key of OpenAI's client with the same images",
    async run(client) {
      const key = `openai ${client.fresh().seed}`;
      const { started } = client.gpu;
      for (const n of [1, 2]) {
        const ask = async () => {
          const body = asked({ model: "fixture", prompt: "a brown chair", n });
          const own = { headers: { "Idempotency-Key": `${key} ${n}` } };
          const { data, response } = await openAiClient(client).images.generate(body, own)
            .withResponse();
          return { data: data.data?.map(({ b64_json }) => b64_json), response };
        };
        const [first, again] = [await ask(), await ask()];
        assert.equal(first.response.headers.get("idempotency-replayed"), null);
        assert.equal(again.response.headers.get("idempotency-replayed"), "true");
        assert.deepEqual([again.data, again.data?.length], [first.data, n]);
      }
      assert.equal(client.gpu.started - started, 3);
    },
  },
];

/** [request, the field that the refusal names, a part of its sentence] */
const WRONG: readonly (readonly [object, string, RegExp])[] = [
  [{ n: 5 }, "n", /^400 n must be an integer from 1 to 4, given 5$/],
  [{ size: "big" }, "size", /^400 size must be "auto", or a width .* given "big"$/],
  [{ size: "33x48" }, "size", /width must be .* given 33/],
  [{ quality: "hd" }, "quality", /^400 quality must be "auto", .* given "hd"$/],
  [{ background: "transparent" }, "background", /"auto" or "opaque"/],
  [{ moderation: "low" }, "moderation", /"auto"/],
  [{ output_format: "jpeg" }, "output_format", /^400 .* "png" or "webp", given "jpeg"$/],
  [{ output_compression: 50 }, "output_compression", /100/],
  [{ response_format: "hex" }, "response_format", /"b64_json" or "url"/],
  [
    { private: true, response_format: "url" },
    "response_format",
    /must be "b64_json" where private is true, .* without the key, given "url"/,
  ],
  [{ partial_images: 2 }, "partial_images", /0 where stream is not true, given 2$/],
  [{ style: "vivid" }, "style", /^400 style is not a known field, known are prompt, /],
  [{ width: 48 }, "width", /not a known field/],
  [{ seed: -1 }, "seed", /^400 seed must be an integer from 0 to 4294967295, given -1$/],
  [{ prompt: "" }, "prompt", /non-empty/],
  [{ cutoff: { a: 3, guided_steps: 2 } }, "cutoff", /exactly one of/],
];

const REFUSING_CASES: readonly Case[] = [
  {
    name: "refuses in one sentence, in OpenAI's shape, what has no meaning here",
    async run(client) {
      const { length: puts } = client.gpu.puts;
      for (const [fields, param, sentence] of WRONG) {
        const refusal = await refusalOf(draw(client, { ...client.fresh(), ...fields }));
        const { type, code, message } = refusal;
        assert.match(message, sentence);
        assert.equal(refusal.param, param, message);
        assert.equal(type, "invalid_request_error");
        if (message.startsWith("400")) assert.equal(code, "invalid_request");
        assert(refusal.requestID, message);
      }
      const both = await refusalOf(draw(client, { ...client.fresh(), n: 9, hd: true }));
      assert.match(both.message, /n must be .*given 9; hd is not a known field/);
      for (const fields of [{ n: 2 }, { response_format: "url" }] as const) {
        const refusal = await refusalOf(stream(client, { ...client.fresh(), ...fields }));
        assert.match(refusal.message, /where stream is true/);
      }
      assert.equal(client.gpu.puts.length, puts);
    },
  },
  {
    name:
      "tells OpenAI's client of a model that there is not, of a body that is none, of a wrong key",
    async run(client) {
      const unknown = await refusalOf(draw(client, { prompt: "a bird", model: "gpt-image-2" }));
      assert(unknown instanceof OpenAI.NotFoundError);
      assert.deepEqual([unknown.code, unknown.param], ["model_not_found", "model"]);
      for (const model of ["openai/fixture", "Fixture", "black-forest-labs/FLUX.1-dev", "../x"]) {
        const refusal = await refusalOf(draw(client, { prompt: "a bird", model }));
        assert.equal(refusal.status, 404, model);
        assert.equal(refusal.code, "model_not_found");
        assert.match(refusal.message, /model must be one of fixture, given "/);
      }
      const options = { path: "/v1/images/generations" };
      const array = await client.post([1], options);
      assert.equal(array.headers.get("content-type"), "application/json");
      const { error } = await array.json();
      assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
      assert.match(error.message, /^body must be a JSON object .*, given \[1\]$/);
      const text = await client.request(options.path, { method: "POST", body: "hello" });
      assert.deepEqual([text.status, (await text.json()).error.code], [
        415,
        "unsupported_media_type",
      ]);
      const body = asked(client.fresh());
      const key = await refusalOf(openAiClient(client, "sk-none").images.generate(body));
      assert(key instanceof OpenAI.AuthenticationError);
      assert.equal(key.code, "invalid_api_key");
      const wrong = { headers: { "Idempotency-Key": '"open' } };
      const idempotency = await refusalOf(openAiClient(client).images.generate(body, wrong));
      assert.equal(idempotency.param, "Idempotency-Key");
    },
  },
  {
    name: "tells OpenAI's client whether to ask again",
    async run(client) {
      const busy = client.fresh();
      client.gpu.script(busy.seed, { refuse: "at_capacity" });
      // They begin one after the other, so that each rejection is awaited as it comes.
      for (const attempt of [draw, stream]) {
        const refusal = await refusalOf(attempt(client, busy));
        assert(refusal instanceof OpenAI.InternalServerError);
        assert.deepEqual([refusal.status, refusal.code, refusal.type], [
          ...[503, "at_capacity", "server_error"],
        ]);
        assert.equal(refusal.headers?.get("retry-after"), "2");
        assert.equal(refusal.headers?.get("x-should-retry"), "true");
      }
    },
  },
  {
    name: "tells OpenAI's client of a generation that failed or was canceled, in a stream as well",
    async run(client) {
      const failing = client.fresh();
      client.gpu.script(failing.seed, { fail: true });
      const failed = await refusalOf(draw(client, failing));
      assert.deepEqual([failed.status, failed.code], [500, "internal"]);
      assert.equal(failed.headers?.get("x-should-retry"), "false");
      const streamed = await refusalOf(stream(client, { ...failing, partial_images: 1 }));
      assert.deepEqual([streamed.code, streamed.type], ["internal", "server_error"]);
      assert.match(streamed.message, /The engine broke off/);
      const canceled = client.fresh();
      client.gpu.script(canceled.seed, { pauseAfter: 5 });
      const native = await client.open(canceled);
      const id = idOf(await native.until(5));
      // The stream is open before the run is canceled, and read before the run can end.
      const refusal = refusalOf(Array.fromAsync(await open(client, canceled)));
      const put = await client.request(`/v1/generations/${id}`, { method: "DELETE" });
      await put.body?.cancel();
      assert.equal((await refusal).code, "conflict");
      await native.rest();
    },
  },
  {
    name: "lists its models to OpenAI's client",
    async run(client) {
      const models = await Array.fromAsync(openAiClient(client).models.list());
      assert.deepEqual(models.map(({ id, object }) => [id, object]), [["fixture", "model"]]);
    },
  },
];

export const OPENAI_CASES: readonly Case[] = [
  ...DRAWING_CASES,
  ...KEEPING_CASES,
  ...REFUSING_CASES,
];
