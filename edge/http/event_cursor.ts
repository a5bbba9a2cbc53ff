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
import { CURSOR_FIELDS } from "./fields/query_fields.ts";

export function wantsStream(request: Request): boolean {
  return acceptsStream(request.headers.get("accept"));
}

/**
 * Reads `Last-Event-ID`, which wins, or for a first connection the cursor in the query: a browser
 * that reconnects by itself keeps the URL and adds the header. -1 when absent.
 */
export function readCursor(request: Request): Parsed<number> {
  const inHeader = request.headers.get("last-event-id");
  const { searchParams } = new URL(request.url);
  const inQuery = CURSOR_FIELDS.flatMap((name) => searchParams.get(name) ?? []).filter(Boolean);
  const [given = "", ...others] = inHeader !== null ? [inHeader] : new Set(inQuery);
  if (others.length > 0) {
    return refuseCursor("the same under each of its names", [given, ...others]);
  }
  if (given === "") return accept(-1);
  const id = parseEventId(given);
  return id === null ? refuseCursor("the id of an event, such as 12", given) : accept(id);
}

function refuseCursor(allowed: string, given: unknown): Parsed<never> {
  const issue = fieldIssue("Last-Event-ID", allowed, given);
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
