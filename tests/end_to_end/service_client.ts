/** The public API as the end-to-end tests use it: requests in, events with their ids out. */
import {
  createServerSentDecoder,
  type GenerationEvent,
  type GenerationRequestInput,
  parseGenerationEvent,
  PROGRESS,
} from "../../contract/mod.ts";

export interface NumberedEvent {
  readonly id: number;
  readonly event: GenerationEvent;
}

export function postGeneration(
  url: string,
  request: GenerationRequestInput,
  accept = "text/event-stream",
): Promise<Response> {
  return fetch(`${url}/v1/generations`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(request),
  });
}

/** Reads events until the stream ends or `stopAfter` says so; then the connection is dropped. */
export async function readEvents(
  response: Response,
  stopAfter: (event: NumberedEvent) => boolean = () => false,
): Promise<NumberedEvent[]> {
  // The stream has ended and the cursor stands at its end.
  if (response.status === 204) return [];
  if (!response.ok || !response.body) {
    throw new Error(`Expected a stream, got ${response.status}: ${await response.text()}`);
  }
  const decoder = createServerSentDecoder();
  const events: NumberedEvent[] = [];
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    for (const { id, event, data } of decoder.feed(text)) {
      if (event === PROGRESS) continue;
      const parsed = parseGenerationEvent(JSON.parse(data));
      if (!parsed.ok) throw new Error(parsed.problem.detail);
      if (id === null || event !== parsed.value.type) throw new Error(`Bad frame: ${id} ${event}`);
      events.push({ id, event: parsed.value });
      if (stopAfter(events.at(-1)!)) return events;
    }
  }
  return events;
}

export async function generate(
  url: string,
  request: GenerationRequestInput,
): Promise<NumberedEvent[]> {
  return await readEvents(await postGeneration(url, request));
}

/** The value of a Prometheus counter, summed over its labels. */
export async function readMetric(gpuUrl: string, name: string): Promise<number> {
  const text = await (await fetch(`${gpuUrl}/metrics`)).text();
  const values = text.split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  if (values.length === 0) throw new Error(`No metric ${name} in:\n${text}`);
  return values.reduce((sum, value) => sum + value, 0);
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
