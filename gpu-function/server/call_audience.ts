/** The names by which edges call this GPU function. */
import { audienceOf } from "../../contract/mod.ts";

/** Hosts as `audienceOf` writes them; null: calls for any GPU function are taken. */
export type Audiences = ReadonlySet<string> | null;

const ANY = "any";

export const AUDIENCE_RULE = "the hosts by which edges call this GPU function, as in their " +
  `GPU_URL, such as gpu.example or 10.0.0.5:8788, with commas between them, or ${ANY}`;

/** Returns undefined where the text does not follow the rule. */
export function parseAudiences(given: string): Audiences | undefined {
  if (given.trim() === ANY) return null;
  const hosts = given.split(",").map((entry) => hostIn(entry.trim()));
  if (hosts.some((host) => host === null)) return undefined;
  return new Set(hosts.flatMap((host) => host ?? []));
}

/** Takes a host, with or without a port, and the base URL that has it. */
function hostIn(entry: string): string | null {
  const url = entry.includes("://") ? entry : `http://${entry}`;
  if (/[\s@?#*]/.test(entry) || !URL.canParse(url)) return null;
  const { protocol, host } = new URL(url);
  const isHost = entry.includes("://") || !entry.includes("/");
  return /^https?:$/.test(protocol) && host !== "" && isHost ? audienceOf(new URL(url)) : null;
}
