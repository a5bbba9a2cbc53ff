/** The body of one connection to the GPU function, as numbered events. */
import { decodeOutput, type NumberedEvent, ProblemError } from "../../contract/mod.ts";
import { readMessages } from "../rooms/message_stream.ts";

export interface StreamPatience {
  /** How long no byte may come; heartbeats count. */
  readonly silenceMs: number;
  /** How long no event may come; heartbeats do not count. */
  readonly progressMs: number;
}

/**
 * Yields the body's events and ends where it ends, even without a terminal event.
 * @throws Error when nothing arrives for `silenceMs` or the connection breaks
 * @throws NoProgress when only heartbeats arrive for `progressMs`
 * @throws ProblemError `upstream_failed` when what arrives breaks the contract
 */
export async function* readPrediction(
  body: ReadableStream<Uint8Array>,
  { silenceMs, progressMs }: StreamPatience,
): AsyncGenerator<NumberedEvent> {
  for await (const message of readMessages(body, silenceMs, progressMs)) {
    const event = decodeOutput(message);
    if (!event.ok) throw new ProblemError(event.problem);
    if (event.value && message.id !== null) yield { id: message.id, event: event.value };
  }
}
