/** An API key: `sf_<16 hex digits>_<secret>`. The digits name the account, the secret proves it. */
import { timingSafeEqual } from "hono/utils/buffer";

export interface ApiKey {
  /** `key_` and the 16 digits: the account, and no secret. */
  readonly id: string;
  readonly secret: string;
}

/** What is kept of a key: it can check the key, but not make it. */
export interface KeyProof {
  /** Hex. */
  readonly salt: string;
  /** SHA-256 of the salt's bytes and the secret, hex. */
  readonly hash: string;
}

/** The secret: 32 bytes in base64url. */
const SHAPE = /^sf_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Returns null where the text does not have the shape of a key. */
export function parseApiKey(text: string): ApiKey | null {
  const [, digits, secret] = SHAPE.exec(text) ?? [];
  return digits && secret ? { id: `key_${digits}`, secret } : null;
}

export function formatApiKey({ id, secret }: ApiKey): string {
  return `sf_${id.slice("key_".length)}_${secret}`;
}

export interface KeyChance {
  /** 8 random bytes. */
  readonly id: Uint8Array;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
  /** 16 random bytes. */
  readonly salt: Uint8Array;
}

/** @param chance bytes from the platform's generator */
export async function makeApiKey(chance: KeyChance): Promise<{ key: ApiKey; proof: KeyProof }> {
  const id = `key_${chance.id.toHex()}`;
  const secret = chance.secret.toBase64({ alphabet: "base64url", omitPadding: true });
  const salt = chance.salt.toHex();
  return { key: { id, secret }, proof: { salt, hash: await hashSecret(salt, secret) } };
}

/**
 * Does the same work whether or not the key is known, and compares in constant time, so that its
 * duration does not say how near a guess is.
 */
export async function provesSecret(proof: KeyProof | null, secret: string): Promise<boolean> {
  const { salt, hash } = proof ?? NOBODY;
  const isEqual = await timingSafeEqual(await hashSecret(salt, secret), hash);
  return isEqual && proof !== null;
}

const NOBODY: KeyProof = { salt: "0".repeat(32), hash: "0".repeat(64) };

/**
 * One round is enough: a secret of 256 bits cannot be guessed, so more rounds would slow nobody.
 */
async function hashSecret(salt: string, secret: string): Promise<string> {
  const text = new TextEncoder().encode(secret);
  const bytes = new Uint8Array([...Uint8Array.fromHex(salt), ...text]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
