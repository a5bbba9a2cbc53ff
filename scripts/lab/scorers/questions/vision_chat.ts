/** Talks about one image with any endpoint that speaks OpenAI's chat completions. */
import { Buffer } from "node:buffer";
import sharp from "sharp";
import * as v from "valibot";
import type { RgbImage } from "../../../../gpu-function/image/rgb.ts";

export interface VisionEndpoint {
  /** URL including the version, such as `https://host/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly key: string | null;
  readonly temperature: number;
}

export interface Turn {
  readonly role: "user" | "assistant";
  readonly text: string;
}

export interface VisionChat {
  /**
   * Returns the answer to the last turn; null when the model refuses.
   * @throws RangeError for an endpoint that rejects the request, Error for one that stays down
   */
  answer(image: RgbImage, turns: readonly Turn[]): Promise<string | null>;
}

const TRIES = 4;
const FIRST_WAIT_MS = 1_000;
const ANSWER_MS = 120_000;
const TOKENS_MAX = 400;

const completion = v.object({
  choices: v.pipe(
    v.array(v.object({
      finish_reason: v.optional(v.nullable(v.string())),
      message: v.object({
        content: v.optional(v.nullable(v.string())),
        refusal: v.optional(v.nullable(v.string())),
      }),
    })),
    v.minLength(1),
  ),
});

/** @param wait takes milliseconds; tests replace it to save time */
export function createVisionChat(
  endpoint: VisionEndpoint,
  wait: (milliseconds: number) => Promise<void> = sleep,
): VisionChat {
  return {
    async answer(image, turns) {
      const body = JSON.stringify(await requestBody(endpoint, image, turns));
      let reason = "";
      for (let tried = 0; tried < TRIES; tried++) {
        if (tried > 0) await wait(FIRST_WAIT_MS * 2 ** (tried - 1));
        const outcome = await post(endpoint, body);
        if ("answer" in outcome) return outcome.answer;
        reason = outcome.failure;
      }
      throw new Error(`The vision endpoint failed ${TRIES} times, last: ${reason}`);
    },
  };
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

type Outcome = { readonly answer: string | null } | { readonly failure: string };

/** Returns those failures that another try may mend. */
async function post({ baseUrl, key }: VisionEndpoint, body: string): Promise<Outcome> {
  let text: string;
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, "")}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      body,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    text = await response.text();
    if (!response.ok) return refusedRequest(response.status, text);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return { failure: error instanceof Error ? error.message : String(error) };
  }
  return readCompletion(text);
}

/** @throws RangeError when the same request would be refused again */
function refusedRequest(status: number, text: string): Outcome {
  if (status === 408 || status === 429 || status >= 500) return { failure: `status ${status}` };
  throw new RangeError(
    `The vision endpoint must take the request, given status ${status}: ${text.slice(0, 200)}`,
  );
}

function readCompletion(text: string): Outcome {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { failure: "an answer that is no JSON" };
  }
  const result = v.safeParse(completion, json);
  if (!result.success) return { failure: "an answer without choices" };
  const { finish_reason, message } = result.output.choices[0]!;
  const refused = finish_reason === "content_filter" || Boolean(message.refusal);
  return { answer: refused ? null : message.content ?? null };
}

/** Sends the image with the first turn. */
async function requestBody(
  { model, temperature }: VisionEndpoint,
  { data, width, height }: RgbImage,
  turns: readonly Turn[],
) {
  const png = await sharp(data, { raw: { width, height, channels: 3 } }).png().toBuffer();
  const url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  return {
    model,
    temperature,
    max_tokens: TOKENS_MAX,
    messages: turns.map(({ role, text }, i) => ({
      role,
      content: i > 0 ? text : [{ type: "image_url", image_url: { url } }, { type: "text", text }],
    })),
  };
}
