/** Who makes a request: an account with a key, or an address without one. */
import { accept, type Parsed } from "../../contract/mod.ts";
import type { Caller, TierLimits } from "./caller.ts";
import { anonymousAccount, clientNetwork } from "./client_network.ts";
import type { KeyCheck } from "./key_check.ts";

export interface ClientAddress {
  /** As text; null where the platform does not know. */
  readonly address: string | null;
  /** Somebody in between has passed the request on, and is not trusted to say for whom. */
  readonly isRelayed: boolean;
}

/** @param platform what the platform says of the connection, beside the request */
export type Identify = (request: Request, platform: unknown) => Promise<Parsed<Caller>>;

export interface IdentifyPorts {
  readonly keyCheck: Pick<KeyCheck, "check">;
  readonly tiers: TierLimits;
  readonly addressOf: (request: Request, platform: unknown) => ClientAddress;
  /** Of addresses' hashes, the same for the whole deployment. */
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
    // A proxy on this machine is no person at this machine.
    const limits = isLoopback && !isRelayed ? tiers.loopback : tiers.anonymous;
    return accept({ account, keyed: false, limits });
  };
}
