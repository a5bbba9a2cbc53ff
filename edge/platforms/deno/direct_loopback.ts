/**
 * Calls of this machine's own parts go to them directly. Deno sends every call through the proxy of
 * `HTTP_PROXY` and the like, those to loopback as well, and no proxy can reach our loopback.
 */

/** What programs know of this machine: some read ranges, others only names and addresses. */
const LOOPBACK = ["localhost", "127.0.0.1", "127.0.0.0/8", "::1"];

/**
 * Returns the variables that say which hosts need no proxy: those that were said, and loopback.
 * Some programs read the one spelling first, and some the other.
 */
export function withDirectLoopback(
  { NO_PROXY, no_proxy }: Readonly<Record<string, string>>,
): { readonly NO_PROXY: string; readonly no_proxy: string } {
  const said = [NO_PROXY, no_proxy].flatMap((list) => list?.split(",") ?? [])
    .map((host) => host.trim()).filter(Boolean);
  // A star, for all hosts, is read only where it stands alone.
  const hosts = said.includes("*") ? "*" : [...new Set([...said, ...LOOPBACK])].join(",");
  return { NO_PROXY: hosts, no_proxy: hosts };
}

/** Must be called before the first call, which reads the variables; children inherit them. */
export function keepLoopbackDirect(): void {
  for (const [name, hosts] of Object.entries(withDirectLoopback(Deno.env.toObject()))) {
    Deno.env.set(name, hosts);
  }
}
