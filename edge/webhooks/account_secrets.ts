/**
 * The secrets that sign an account's calls, derived from each of the operator's secrets. So none is
 * stored, and a receiver for one account cannot sign for another.
 */

/**
 * Returns the HMAC-SHA256 of the account in Standard Webhooks' form. @param secrets the operator's
 * `whsec_…`
 */
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
