/**
 * Whether a call comes from an edge that knows the secret, for this GPU function, now, and for the
 * first time (`contract/signature.ts`). Holds the nonces that could still be used again, within a
 * bound, and no longer than its process lives: a call that was heard on its way can be repeated
 * once after a restart, or at another process of the same name, until its time is over. That draws
 * an image that was asked for, or cancels a run, which who stands on the way can do by cutting it.
 */
import {
  createProblem,
  equalSignatures,
  type Problem,
  showGiven,
  SIGNATURE_HEADERS,
  SIGNATURE_SKEW_MS,
  signCall,
} from "../../contract/mod.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Audiences } from "./call_audience.ts";

/** A call as it arrived. */
export interface ReceivedCall {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  /** Read only when the headers deserve it. */
  readonly body: () => Promise<Uint8Array>;
}

/** Calls within two skews. A GPU draws far fewer images in that time; beyond, calls are refused, not forgotten. */
const NONCES_MAX = 100_000;

export class CallVerifier {
  readonly #secrets: readonly string[];
  readonly #audiences: Audiences;
  readonly #clock: Pick<Clock, "now">;
  readonly #noncesMax: number;
  /** Until when each is remembered, oldest first. */
  readonly #nonces = new Map<string, number>();

  /**
   * @param keys.secrets each of them is good, so that one can take another's place
   * @param keys.audiences the names of this GPU function
   */
  constructor(
    { secrets, audiences }: {
      readonly secrets: readonly string[];
      readonly audiences: Audiences;
    },
    clock: Pick<Clock, "now">,
    noncesMax = NONCES_MAX,
  ) {
    this.#secrets = secrets;
    this.#audiences = audiences;
    this.#clock = clock;
    this.#noncesMax = noncesMax;
  }

  /** Null when the call is good; it is not good a second time. */
  async refusal({ method, path, headers, body }: ReceivedCall): Promise<Problem | null> {
    const [time, nonce, signature] = [
      headers.get(SIGNATURE_HEADERS.timestamp),
      headers.get(SIGNATURE_HEADERS.nonce),
      headers.get(SIGNATURE_HEADERS.signature),
    ];
    if (time === null || nonce === null || signature === null) return UNSIGNED;
    const timestamp = /^\d{1,15}$/.test(time) ? Number(time) : NaN;
    const skewMs = Math.abs(this.#clock.now() - timestamp);
    if (!(skewMs <= SIGNATURE_SKEW_MS)) return outOfTime(time, skewMs);
    if (!/^[\w-]{1,100}$/.test(nonce)) return wrongNonce(nonce);
    // Edges of before send no audience; their calls cannot be made of those of today's edges.
    const audience = headers.get(SIGNATURE_HEADERS.audience);
    if (audience !== null && this.#audiences?.has(audience) === false) return notForUs(audience);
    const call = { method, path, timestamp, nonce, audience, body: await body() };
    // All are tried, so that the time taken does not tell which one it was.
    const matches = this.#secrets.filter((s) => equalSignatures(signCall(s, call), signature));
    if (matches.length === 0) return WRONG_SIGNATURE;
    return this.#remember(nonce);
  }

  #remember(nonce: string): Problem | null {
    const now = this.#clock.now();
    for (const [known, until] of this.#nonces) {
      if (until >= now) break;
      this.#nonces.delete(known);
    }
    if (this.#nonces.has(nonce)) return REPLAYED;
    if (this.#nonces.size >= this.#noncesMax) return TOO_MANY;
    // Beyond the last moment at which any call of now is good, so that the oldest stay first.
    this.#nonces.set(nonce, now + 2 * SIGNATURE_SKEW_MS);
    return null;
  }
}

const { audience: _, ...NEEDED } = SIGNATURE_HEADERS;
const NAMES = Object.values(NEEDED).join(", ");

const UNSIGNED = createProblem(
  "unauthorized",
  `Calls must be signed by the headers ${NAMES}; not all of them were given`,
);

const WRONG_SIGNATURE = createProblem(
  "unauthorized",
  "The signature must be of this method, path, body, time, nonce and audience, by a secret that is known " +
    "here; the one given is not",
);

const REPLAYED = createProblem(
  "unauthorized",
  "A call must have a nonce of its own; the one given was used before",
);

const TOO_MANY = createProblem("at_capacity", "Too many calls to remember them all; try later");

function outOfTime(time: string, skewMs: number): Problem {
  const allowed = `within ${SIGNATURE_SKEW_MS / 1_000} seconds of the time here`;
  const given = Number.isNaN(skewMs)
    ? showGiven(time)
    : `a time ${Math.ceil(skewMs / 1_000)} seconds from it`;
  const detail = `${SIGNATURE_HEADERS.timestamp} must be in milliseconds since 1970, ${allowed}`;
  return createProblem("unauthorized", `${detail}, given ${given}`);
}

function notForUs(audience: string): Problem {
  const allowed = "a name of this GPU function, one of its GPU_AUDIENCE";
  const detail = `${SIGNATURE_HEADERS.audience} must be ${allowed}, given ${showGiven(audience)}`;
  return createProblem("unauthorized", detail);
}

function wrongNonce(nonce: string): Problem {
  const allowed = "1 to 100 letters, digits, hyphens or underscores";
  const detail = `${SIGNATURE_HEADERS.nonce} must be ${allowed}, given ${showGiven(nonce)}`;
  return createProblem("unauthorized", detail);
}
