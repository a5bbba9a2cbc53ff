/** Reads how a client asks for events: as a stream or not, after which event, and how fast. */
import {
  accept,
  acceptsStream,
  createFieldProblem,
  fieldIssue,
  type Parsed,
  parseEventId,
  refuse,
} from "../../contract/mod.ts";
import { acceptTogether } from "./accept_together.ts";

export function wantsStream(request: Request): boolean {
  return acceptsStream(request.headers.get("accept"));
}

/**
 * Reads `Last-Event-ID`, which wins, or `?last_event_id=` for a first connection. -1 when absent.
 */
export function readCursor(request: Request): Parsed<number> {
  const given = request.headers.get("last-event-id") ??
    new URL(request.url).searchParams.get("last_event_id");
  if (given === null || given === "") return { ok: true, value: -1 };
  const id = parseEventId(given);
  if (id !== null) return { ok: true, value: id };
  const issue = fieldIssue("Last-Event-ID", "the id of an event, such as 12", given);
  return refuse(createFieldProblem("invalid_request", [issue]));
}

export interface StreamOptions {
  readonly after: number;
  /** Replays a finished run with its own pauses, instead of at once. */
  readonly paced: boolean;
}

/** Reads the cursor, and `?pace=live`. */
export function readStreamOptions(request: Request): Parsed<StreamOptions> {
  const read = acceptTogether([readCursor(request), readPace(request)]);
  if (!read.ok) return read;
  const [after, paced] = read.value;
  return accept({ after, paced });
}

function readPace(request: Request): Parsed<boolean> {
  const pace = new URL(request.url).searchParams.get("pace");
  if (pace === null || pace === "live") return accept(pace === "live");
  const issue = fieldIssue("pace", '"live", or left out', pace);
  return refuse(createFieldProblem("invalid_request", [issue]));
}
