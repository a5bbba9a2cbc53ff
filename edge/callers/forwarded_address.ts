/** The client that proxies name in a request's header. Pure. */

/** Headers in which proxies name their peers. */
export const PROXY_HEADERS = ["x-forwarded-for", "forwarded"] as const;
export type ProxyHeader = typeof PROXY_HEADERS[number];

/**
 * Returns the client that a chain of trusted proxies names. Each proxy appends its peer, so the
 * nearest proxy wrote the last entry. Null where the chain is too short, or the entry no address.
 * @param proxies how many of them stand in front of this edge, at least 1
 */
export function forwardedAddress(
  headers: Headers,
  { header, proxies }: { readonly header: ProxyHeader; readonly proxies: number },
): string | null {
  const value = headers.get(header) ?? "";
  const chain = header === "forwarded" ? readForwarded(value) : value.split(",");
  return addressIn(chain?.at(-proxies) ?? "");
}

/** A parameter of RFC 7239 with its delimiter: `for=192.0.2.1;`, `for="[2001:db8::1]:80",`. */
const PARAMETER = /\s*([\w!#$%&'*+.^`|~-]+)=(?:([^\s",;=]+)|"((?:[^"\\]|\\.)*)")\s*(;|,|$)/y;

/**
 * Returns the `for` of each element. Null where the field is not well-formed: a client that leaves a
 * quotation mark open must not hide what the proxies append.
 */
function readForwarded(value: string): readonly string[] | null {
  const chain: string[] = [];
  let peer = "";
  for (PARAMETER.lastIndex = 0; PARAMETER.lastIndex < value.length;) {
    const [, name, token, quoted = "", delimiter] = PARAMETER.exec(value) ?? [];
    if (name === undefined) return null;
    if (name.toLowerCase() === "for") peer = token ?? quoted.replace(/\\(.)/g, "$1");
    if (delimiter === ";") continue;
    chain.push(peer);
    peer = "";
  }
  return chain;
}

/** Returns the entry without its port and brackets: some proxies write them. */
function addressIn(entry: string): string | null {
  const text = entry.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  const [, plain] = /^([\d.]+):\d+$/.exec(text) ?? [];
  return bracketed ?? plain ?? (text || null);
}
