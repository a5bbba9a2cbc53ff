/** The body of one connection to the GPU function, as numbered events. */
import {
  decodeOutput,
  type NumberedEvent,
  parseJson,
  parseProgress,
  ProblemError,
  PROGRESS,
  type Progress,
} from "../../contract/mod.ts";
import { NoProgress, readMessages } from "../rooms/message_stream.ts";

export interface StreamPatience {
  /** How long no byte may come; heartbeats count. */
  readonly silenceMs: number;
  /** How long the run may stand still: no event comes, and its progress says that nothing goes on. */
  readonly progressMs: number;
}

/** A run whose rows are slow may stand still for so many of them: a batch, and some more. */
const STILL_ROWS_MAX = 20;

/**
 * Yields the body's events and ends where it ends, even without a terminal event.
 * @param onProgress called with what the run is doing, between its events
 * @throws Error when nothing arrives for `silenceMs` or the connection breaks
 * @throws NoProgress when the run stands still for `progressMs` and for twenty of its rows
 * @throws ProblemError `upstream_failed` when what arrives breaks the contract
 */
export async function* readPrediction(
  body: ReadableStream<Uint8Array>,
  { silenceMs, progressMs }: StreamPatience,
  onProgress: (progress: Progress) => void = () => {},
): AsyncGenerator<NumberedEvent> {
  for await (const message of readMessages(body, silenceMs, progressMs)) {
    if (message.event === PROGRESS) {
      const progress = parseProgress(parseJson(message.data));
      if (!progress.ok) throw new ProblemError(progress.problem);
      const { still_ms, row_ms } = progress.value;
      if (still_ms > Math.max(progressMs, STILL_ROWS_MAX * (row_ms ?? 0))) {
        throw new NoProgress(`Nothing went on for ${still_ms} ms`);
      }
      onProgress(progress.value);
      continue;
    }
    const event = decodeOutput(message);
    if (!event.ok) throw new ProblemError(event.problem);
    if (event.value && message.id !== null) yield { id: message.id, event: event.value };
  }
}
