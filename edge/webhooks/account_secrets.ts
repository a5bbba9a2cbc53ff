/**
 * What signs the calls of an account: made of each of the operator's secrets, so that none is stored, and
 * whoever receives for one account can sign for no other.
 */

/** HMAC-SHA256 of the account, as Standard Webhooks write secrets. @param secrets `whsec_…`, the operator's */
export async function accountSecrets(
  secrets: readonly string[],
  account: string,
): Promise<readonly string[]> {
  return await Promise.all(secrets.map((secret) => deriveSecret(secret, account)));
}

const PREFIX = "whsec_";

async function deriveSecret(secret: string, account: string): Promise<string> {
  const bytes = Uint8Array.fromBase64(secret.slice(PREFIX.length));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
  const text = new TextEncoder().encode(`shapefirst-webhook-1\n${account}`);
  const derived = await crypto.subtle.sign("HMAC", key, text);
  return PREFIX + new Uint8Array(derived).toBase64();
}
