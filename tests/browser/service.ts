/** The running service and a browser to look at it. */
import { type Browser, chromium } from "playwright-core";
import { runDemos } from "../../scripts/cli/demos.ts";

export interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

/** Opens the service at SHAPEFIRST_URL, or else a new one with an empty database. */
export async function openService(): Promise<Service> {
  const url = Deno.env.get("SHAPEFIRST_URL");
  if (url) return { url: url.replace(/\/$/, ""), stop: () => Promise.resolve() };
  // Imported late, since a running service needs nothing of the stack.
  const { startStack } = await import("../../scripts/service/stack.ts");
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

export interface DemoService extends Service {
  /** After this nothing can be drawn. */
  stopGpuFunction(): Promise<void>;
}

/** A new service on Deno with demos, each a title and arguments of `deno task demos add`. */
export async function openDemoService(
  demos: readonly (readonly [title: string, ...request: string[]])[],
): Promise<DemoService> {
  const { startStack } = await import("../../scripts/service/stack.ts");
  const dataDir = await Deno.makeTempDir();
  const options = { port: 0, gpuPort: 0, dataDir, quiet: true, platform: "deno" } as const;
  const stack = await startStack(options);
  const stop = async () => {
    await stack.stop();
    await Deno.remove(dataDir, { recursive: true });
  };
  try {
    for (const [i, [title, ...request]] of demos.entries()) {
      const where = ["--database", `${dataDir}/shapefirst.sqlite`, "--url", stack.url];
      await runDemos(["add", `demo-${i}`, ...request, "--title", title, ...where], {
        say: () => {},
        now: () => Date.now(),
        environment: () => undefined,
        fetch: (url, init) => fetch(url, init),
      });
    }
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { url: stack.url, stop, stopGpuFunction: () => stack.gpu.stop("SIGKILL") };
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}
