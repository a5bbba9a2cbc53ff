/** Private results exist for their owner alone; all other readers get the answer for no result. */
import {
  accept,
  createFieldProblem,
  fieldIssue,
  type OwnedRequest,
  type Parsed,
  refuse,
} from "../../contract/mod.ts";
import type { Caller } from "./caller.ts";
import type { Asker } from "./run_askers.ts";

/**
 * The reader that may see all: the edge itself, when it reports an end to an owner's webhook. It
 * differs from every account's name.
 */
export const THE_EDGE = "edge";

/** Returns null where another account owns it, as if it were not there. */
export function readableBy<Found extends { readonly owner: string | null }>(
  found: Found | null,
  reader: string,
): Found | null {
  return found && maySee(found.owner, reader) ? found : null;
}

function maySee(owner: string | null, reader: string | null): boolean {
  return owner === null || owner === reader || reader === THE_EDGE;
}

/** Returns the owner that a request's results will have; it takes an account with a key. */
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

/**
 * Makes the URL of a request to a room. It names the reader, which a client's headers cannot change.
 */
export function roomUrl(path: string, reader: string): URL {
  const url = new URL(path, "http://room");
  url.searchParams.set("reader", reader);
  return url;
}

/** Returns who gives up a run by a request to its room: the reader, or one of its sweeps. */
export function askerIn(searchParams: URLSearchParams): Asker {
  const account = searchParams.get("reader") ?? "";
  const sweep = searchParams.get("sweep");
  return sweep === null ? { account } : { account, sweep };
}

/** Returns whether the reader of a request to a room may know what is in it. */
export function mayRead({ owner }: OwnedRequest, { searchParams }: URL): boolean {
  return maySee(owner ?? null, searchParams.get("reader"));
}
