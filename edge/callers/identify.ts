/** Identifies the caller: an account with a key, or an address without one. */
import { accept, type Parsed } from "../../contract/mod.ts";
import type { Caller, TierLimits } from "./caller.ts";
import { anonymousAccount, clientNetwork } from "./client_network.ts";
import type { KeyCheck } from "./key_check.ts";

export interface ClientAddress {
  /** The client's address as text; null where the platform does not know it. */
  readonly address: string | null;
  /** Somebody on this machine asked by themselves, and the operator lets such callers do more. */
  readonly isLocal: boolean;
}

/** @param platform what the platform knows of the connection besides the request */
export type AddressOf = (request: Request, platform: unknown) => ClientAddress;

/** @param platform what the platform knows of the connection besides the request */
export type Identify = (request: Request, platform: unknown) => Promise<Parsed<Caller>>;

export interface IdentifyPorts {
  readonly keyCheck: Pick<KeyCheck, "check">;
  readonly tiers: TierLimits;
  readonly addressOf: AddressOf;
  /** The salt for hashes of addresses, the same for the whole deployment. */
  readonly addressSalt: () => Promise<string>;
}

const THIS_MACHINE = "this machine";

export function createIdentify(
  { keyCheck, tiers, addressOf, addressSalt }: IdentifyPorts,
): Identify {
  return async (request, platform) => {
    const { address, isLocal } = addressOf(request, platform);
    // What a proxy on this machine passes on must not use up what is theirs who work there.
    const name = isLocal ? THIS_MACHINE : clientNetwork(address);
    const header = request.headers.get("authorization");
    if (header !== null) return await keyCheck.check(header, name);
    const account = await anonymousAccount(name, await addressSalt());
    return accept({ account, keyed: false, limits: isLocal ? tiers.loopback : tiers.anonymous });
  };
}
