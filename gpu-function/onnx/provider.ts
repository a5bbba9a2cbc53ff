/** Where graphs run: the first of the execution providers asked for that this machine has. */
import { tryProvider } from "./session.ts";

export interface ProviderChoice {
  /** As onnxruntime-node names it. */
  readonly provider: string;
  /** Those before it in the order, with why they cannot be used. */
  readonly passedOver: readonly string[];
}

/** Resolves to null when the provider runs a graph here, else to the reason. */
export type TryProvider = (provider: string) => Promise<string | null>;

/**
 * Falls back to a later provider only where the order names one: a GPU that was asked for and is not
 * there would otherwise show as a service that is mysteriously slow.
 * @param order providers, the preferred one first; at least one
 * @throws RangeError with one sentence that says of each why it cannot be used
 */
export async function chooseProvider(
  order: readonly string[],
  attempt: TryProvider = tryProvider,
): Promise<ProviderChoice> {
  const passedOver: string[] = [];
  for (const provider of order) {
    // onnxruntime cannot be without its own CPU kernels, so the usual start tries nothing.
    const reason = provider === "cpu" ? null : await attempt(provider);
    if (reason === null) return { provider, passedOver };
    passedOver.push(`${provider} (${reason})`);
  }
  throw new RangeError(
    `GPU_PROVIDER must name a provider that this machine has, given ${passedOver.join(", ")}`,
  );
}
