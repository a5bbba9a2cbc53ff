/** Limiters as Durable Objects: one in the world for each account, so that counts are exact. */
import type { LimiterState, Verdict } from "../../limits/account_limiter.ts";
import { AccountLimiter } from "../../limits/account_limiter.ts";
import { answerCall, type LimiterCall, type Limiters } from "../../limits/limiter_call.ts";
import { drawSalt } from "../random.ts";

/** The part of the platform's object state that a limiter uses. */
interface LimiterStorage {
  get(key: string): Promise<unknown>;
  put(
    key: string,
    value: unknown,
    options?: { readonly allowUnconfirmed: boolean },
  ): Promise<void>;
  deleteAll(): Promise<void>;
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

interface LimiterNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { fetch(request: Request): Promise<Response> };
}

export function createDurableLimiters<Id>(namespace: LimiterNamespace<Id>): Limiters {
  return {
    async call(account, call) {
      const request = new Request("http://limiter/call", {
        method: "POST",
        body: JSON.stringify(call),
      });
      const response = await namespace.get(namespace.idFromName(account)).fetch(request);
      if (!response.ok) throw new Error(`The limiter answered ${response.status}`);
      const verdict: Verdict = await response.json();
      return verdict;
    },
  };
}

/** Draws the salt once for the deployment, in an object that counts nothing. */
export async function durableSalt<Id>(namespace: LimiterNamespace<Id>): Promise<string> {
  const object = namespace.get(namespace.idFromName("address-salt"));
  const response = await object.fetch(new Request("http://limiter/salt"));
  if (!response.ok) throw new Error(`The object of the salt answered ${response.status}`);
  return await response.text();
}

const STATE = "state";
const SALT = "salt";
/** By then every bucket within its limit is empty. */
const FORGET_MS = 2 * 60_000;

export class LimiterObject {
  readonly #storage: LimiterStorage;
  readonly #now: () => number;
  /** Undefined before it has been read. */
  #state: LimiterState | null | undefined = undefined;
  #alarmed = false;

  /** The platform passes the first two. */
  constructor(
    { storage }: { readonly storage: LimiterStorage },
    _env?: unknown,
    now: () => number = () => Date.now(),
  ) {
    this.#storage = storage;
    this.#now = now;
  }

  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/salt") return new Response(await this.#salt());
    const call: LimiterCall = await request.json();
    if (this.#state === undefined) await this.#load();
    // No await comes between the state's reading and its writing, so calls are counted one by one.
    const { verdict, limiter } = answerCall(this.#state ?? null, call, this.#now());
    this.#state = limiter.state;
    if (call.action !== "look") await this.#save();
    return Response.json(verdict);
  }

  /** Forgets accounts that come no more. */
  async alarm(): Promise<void> {
    this.#alarmed = false;
    if (this.#state === undefined) await this.#load();
    const state = this.#state;
    if (state && !new AccountLimiter(state, state.limits, this.#now()).isIdle) {
      return await this.#setAlarm();
    }
    this.#state = null;
    await this.#storage.deleteAll();
  }

  async #load(): Promise<void> {
    // Only `#save` writes under this key.
    const stored = (await this.#storage.get(STATE) ?? null) as LimiterState | null;
    this.#state ??= stored;
  }

  async #save(): Promise<void> {
    // The object counts in memory, so an answer need not wait for the disk. A machine that fails
    // loses only the newest counts, to the account's advantage.
    await this.#storage.put(STATE, this.#state, { allowUnconfirmed: true });
    if (!this.#alarmed) await this.#setAlarm();
  }

  async #setAlarm(): Promise<void> {
    this.#alarmed = true;
    if (await this.#storage.getAlarm() === null) {
      await this.#storage.setAlarm(this.#now() + FORGET_MS);
    }
  }

  async #salt(): Promise<string> {
    const stored = await this.#storage.get(SALT);
    if (typeof stored === "string") return stored;
    const salt = drawSalt();
    await this.#storage.put(SALT, salt);
    return salt;
  }
}
