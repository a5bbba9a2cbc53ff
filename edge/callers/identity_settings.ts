/** The operator's settings for identifying callers. */
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface IdentitySettings {
  /** Proxies in front of the edge on Deno, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: number;
  /** The salt for hashes of addresses; null: one is drawn once for this deployment. */
  readonly addressSalt: string | null;
}

export function readIdentity(environment: Environment): IdentitySettings {
  const proxies = readText(environment, "TRUSTED_PROXIES") ?? "0";
  if (!/^\d$/.test(proxies)) throw wrongSetting("TRUSTED_PROXIES", "0 to 9", proxies);
  const addressSalt = readText(environment, "ADDRESS_SALT");
  if (addressSalt !== null && addressSalt.length < 16) {
    // The value is a secret: the error gives only its length.
    const given = `${addressSalt.length} characters`;
    throw wrongSetting("ADDRESS_SALT", "at least 16 characters", given);
  }
  return { trustedProxies: Number(proxies), addressSalt };
}
