/** Puts a fault between here and a hub into a sentence, and says whether a retry can help. */
import { HubApiError } from "@huggingface/hub";

export class HubProblem extends RangeError {
  override readonly name = "HubProblem";
  constructor(message: string, readonly passing: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

export function unreachable(url: string, cause: unknown): HubProblem {
  const { origin } = new URL(url);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HubProblem(
    `${origin} cannot be reached (${reason}): check the network, or name a mirror in HF_ENDPOINT`,
    true,
    { cause },
  );
}

/**
 * @param what the repository or file that was asked for
 * @returns null for an error that is not the hub's
 */
export function hubProblemOf(error: unknown, what: string): HubProblem | null {
  if (error instanceof HubProblem) return error;
  if (!(error instanceof HubApiError)) return null;
  return statusProblem(error.statusCode, what, error);
}

export function statusProblem(status: number, what: string, cause?: unknown): HubProblem {
  const passing = status === 408 || status === 429 || status >= 500;
  return new HubProblem(sentence(status, what), passing, { cause });
}

function sentence(status: number, what: string): string {
  switch (status) {
    case 401:
      return `${what} is refused (401): it is private, gated or does not exist; ` +
        "set HF_TOKEN to a token that may read it";
    case 403:
      return `${what} is refused (403): accept its licence on its page at the hub, ` +
        "and set HF_TOKEN to a token of the account that did";
    case 404:
      return `${what} does not exist (404)`;
    case 429:
      return `${what}: the hub asks to slow down (429); wait, then run the same command again`;
    default:
      return `${what}: the hub answered with status ${status}`;
  }
}
