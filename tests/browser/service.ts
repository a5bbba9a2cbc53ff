/** The running service and a browser to look at it. */
import { type Browser, chromium } from "playwright-core";

export interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

/** The service at SHAPEFIRST_URL, or a whole one of its own with an empty database. */
export async function openService(): Promise<Service> {
  const url = Deno.env.get("SHAPEFIRST_URL");
  if (url) return { url: url.replace(/\/$/, ""), stop: () => Promise.resolve() };
  // Only now: a running service needs nothing of the stack.
  const { startStack } = await import("../../scripts/stack.ts");
  const dataDir = await Deno.makeTempDir();
  const stack = await startStack({ port: 0, gpuPort: 0, dataDir, quiet: true });
  return {
    url: stack.url,
    async stop() {
      await stack.stop();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}
