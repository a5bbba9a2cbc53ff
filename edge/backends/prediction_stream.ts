/** The body of one connection to the GPU function, as numbered events. */
import { decodeOutput, type NumberedEvent, ProblemError } from "../../contract/mod.ts";
import { readMessages } from "../rooms/message_stream.ts";

export interface StreamPatience {
  /** Without a byte: heartbeats count. */
  readonly silenceMs: number;
  /** Without an event: heartbeats do not count. */
  readonly progressMs: number;
}

/**
 * Ends where the body ends, terminal event or not.
 * @throws Error when nothing arrives for `silenceMs` or the connection breaks
 * @throws NoProgress when nothing but heartbeats arrives for `progressMs`
 * @throws ProblemError `upstream_failed` when what arrives is not of the contract
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
