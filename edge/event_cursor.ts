/** How a client asks for events: as a stream, and after which it has. */
import {
  createFieldProblem,
  fieldIssue,
  type Parsed,
  parseEventId,
  refuse,
} from "../contract/mod.ts";

export function wantsStream(request: Request): boolean {
  return (request.headers.get("accept") ?? "").includes("text/event-stream");
}

/** `Last-Event-ID`, which wins, or `?last_event_id=` for a first connection. -1 when absent. */
export function readCursor(request: Request): Parsed<number> {
  const given = request.headers.get("last-event-id") ??
    new URL(request.url).searchParams.get("last_event_id");
  if (given === null || given === "") return { ok: true, value: -1 };
  const id = parseEventId(given);
  if (id !== null) return { ok: true, value: id };
  const issue = fieldIssue("Last-Event-ID", "the id of an event, such as 12", given);
  return refuse(createFieldProblem("invalid_request", [issue]));
}
