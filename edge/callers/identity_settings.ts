/** The operator's settings for identifying callers. */
import { PROXY_HEADERS, type ProxyHeader } from "./forwarded_address.ts";
import { type Environment, readText, wrongSetting } from "../environment.ts";

export interface IdentitySettings {
  /** Proxies in front of the edge on Deno, whose header is believed. */
  readonly trustedProxies: number;
  /** The header in which they name the client; the others are whatever a client sends. */
  readonly proxyHeader: ProxyHeader;
  /** Callers without a key on the machine itself have limits of their own. */
  readonly localCallers: boolean;
  /** The salt for hashes of addresses; null: one is drawn once for this deployment. */
  readonly addressSalt: string | null;
  /** Opens `/metrics` to who is not local; null: it stays closed to them. */
  readonly metricsToken: string | null;
}

export function readIdentity(environment: Environment): IdentitySettings {
  const proxies = readText(environment, "TRUSTED_PROXIES") ?? "0";
  if (!/^\d$/.test(proxies)) throw wrongSetting("TRUSTED_PROXIES", "0 to 9", proxies);
  return {
    trustedProxies: Number(proxies),
    proxyHeader: readOneOf(environment, "PROXY_HEADER", PROXY_HEADERS),
    localCallers: readOneOf(environment, "LOCAL_CALLERS", ["off", "on"]) === "on",
    addressSalt: readSecret(environment, "ADDRESS_SALT"),
    metricsToken: readSecret(environment, "METRICS_TOKEN"),
  };
}

/** Takes any case; the first of them is the default. */
function readOneOf<Value extends string>(
  environment: Environment,
  name: string,
  [standard, ...others]: readonly [Value, ...Value[]],
): Value {
  const given = readText(environment, name);
  if (given === null) return standard;
  const values = [standard, ...others];
  const value = values.find((value) => value === given.toLowerCase());
  if (value !== undefined) return value;
  throw wrongSetting(name, values.join(" or "), given);
}

function readSecret(environment: Environment, name: string): string | null {
  const secret = readText(environment, name);
  if (secret === null || secret.length >= SECRET_LENGTH_MIN) return secret;
  // The value is a secret: the error gives only its length.
  const given = `${secret.length} characters`;
  throw wrongSetting(name, `at least ${SECRET_LENGTH_MIN} characters`, given);
}

const SECRET_LENGTH_MIN = 16;
