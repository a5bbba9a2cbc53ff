/** Identifies the caller: an account with a key, or an address without one. */
import { accept, type Parsed } from "../../contract/mod.ts";
import type { Caller, TierLimits } from "./caller.ts";
import { anonymousAccount, clientNetwork } from "./client_network.ts";
import type { KeyCheck } from "./key_check.ts";

export interface ClientAddress {
  /** The client's address as text; null where the platform does not know it. */
  readonly address: string | null;
  /** Something in between passed the request on, and is not trusted to name its client. */
  readonly isRelayed: boolean;
}

/** @param platform what the platform knows of the connection besides the request */
export type Identify = (request: Request, platform: unknown) => Promise<Parsed<Caller>>;

export interface IdentifyPorts {
  readonly keyCheck: Pick<KeyCheck, "check">;
  readonly tiers: TierLimits;
  readonly addressOf: (request: Request, platform: unknown) => ClientAddress;
  /** The salt for hashes of addresses, the same for the whole deployment. */
  readonly addressSalt: () => Promise<string>;
}

export function createIdentify(
  { keyCheck, tiers, addressOf, addressSalt }: IdentifyPorts,
): Identify {
  return async (request, platform) => {
    const header = request.headers.get("authorization");
    if (header !== null) return await keyCheck.check(header);
    const { address, isRelayed } = addressOf(request, platform);
    const { name, isLoopback } = clientNetwork(address);
    const account = await anonymousAccount(name, await addressSalt());
    // A proxy on this machine does not make its clients local.
    const limits = isLoopback && !isRelayed ? tiers.loopback : tiers.anonymous;
    return accept({ account, keyed: false, limits });
  };
}
