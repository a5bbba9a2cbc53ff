/** Private results: they exist for their owner alone, and for nobody else is it known that they do. */
import {
  accept,
  createFieldProblem,
  fieldIssue,
  type OwnedRequest,
  type Parsed,
  refuse,
} from "../../contract/mod.ts";
import type { Caller } from "./caller.ts";

/** The reader who may see all: the edge, when it tells an owner's webhook of an end. No account is called so. */
export const THE_EDGE = "edge";

/** Null where it is somebody else's, as if it were not there. */
export function readableBy<Found extends { readonly owner: string | null }>(
  found: Found | null,
  reader: string,
): Found | null {
  return found && maySee(found.owner, reader) ? found : null;
}

function maySee(owner: string | null, reader: string | null): boolean {
  return owner === null || owner === reader || reader === THE_EDGE;
}

/** The owner that a request's results will have; only an account with a key can have any. */
export function ownerOf(
  request: OwnedRequest,
  { account, keyed }: Pick<Caller, "account" | "keyed">,
  field = "private",
): Parsed<{ readonly owner?: string }> {
  if (request.private !== true) return accept({});
  if (keyed) return accept({ owner: account });
  const issue = fieldIssue(field, "false or absent without an API key", true);
  return refuse(createFieldProblem("forbidden", [issue]));
}

/** For a request to a room: who reads stands in the URL, where no header of a client gets to. */
export function roomUrl(path: string, reader: string): URL {
  const url = new URL(path, "http://room");
  url.searchParams.set("reader", reader);
  return url;
}

/** Whether the request to a room is on behalf of somebody who may know of what is in it. */
export function mayRead({ owner }: OwnedRequest, { searchParams }: URL): boolean {
  return maySee(owner ?? null, searchParams.get("reader"));
}
