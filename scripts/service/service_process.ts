/** Runs a part of the service as a child process, whose output is read meanwhile. */
import { ROOT } from "../checkout.ts";

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<void>;
  /** Returns the newest part of what it wrote to stdout and stderr. */
  output(): string;
  /**
   * Waits for the first match in its output.
   * @throws Error when the process ends before
   */
  says(pattern: RegExp): Promise<string>;
  stop(signal?: Deno.Signal): Promise<void>;
}

export interface Spawning {
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether its output is kept from the terminal. */
  readonly quiet: boolean;
  /** Number of characters of the output that are kept. */
  readonly outputKept?: number;
}

export const OUTPUT_KEPT = 20_000;

export function spawnService(
  name: string,
  { args, env, quiet, outputKept = OUTPUT_KEPT }: Spawning,
): ServiceProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // A process that ends without stopping its child, as at an early Ctrl-C, leaves no orphan.
  const end = () => kill(child, "SIGTERM");
  addEventListener("unload", end);
  let kept = "";
  let heard = Promise.withResolvers<void>();
  let isOver = false;
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      kept = (kept + text).slice(-outputKept);
      heard.resolve();
      heard = Promise.withResolvers();
      if (!quiet) await Deno.stderr.write(new TextEncoder().encode(text));
    }
  };
  const ended = Promise.all([keep(child.stdout), keep(child.stderr), child.status]).then(() => {
    isOver = true;
    heard.resolve();
    removeEventListener("unload", end);
  });
  return {
    name,
    pid: child.pid,
    ended,
    output: () => kept,
    async says(pattern) {
      while (true) {
        const [match] = kept.match(pattern) ?? [];
        if (match) return match;
        if (isOver) throw new Error(`${name} ended before it was ready:\n${kept}`);
        await heard.promise;
      }
    },
    async stop(signal = "SIGTERM") {
      kill(child, signal);
      await ended;
    },
  };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has ended already.
  }
}
