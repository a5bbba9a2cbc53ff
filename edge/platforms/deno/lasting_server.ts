/**
 * Serves for as long as the process lives. Deno's server ends when a connection cannot be taken,
 * as where too many files are open: it is begun again once there is room.
 */
import { pause } from "../../clock.ts";
import type { Log } from "../../observability/log.ts";

export interface LastingServer {
  readonly port: number;
  /** Takes no more requests, and resolves when those under way have been answered. */
  shutdown(): Promise<void>;
}

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Between two attempts to listen again. */
const PAUSE_MS = 1_000;

/** @throws Error when it cannot listen at first */
export function serveLastingly(address: Address, handler: Handler, log: Log): LastingServer {
  let isStopping = false;
  let server = Deno.serve({ ...address }, handler);
  const { port } = server.addr;
  void last();

  async function last(): Promise<void> {
    while (!isStopping) {
      try {
        await server.finished;
        return;
      } catch (cause) {
        log({ level: "error", message: "Listening failed, and is tried again", cause });
      }
      await listenAgain();
      if (!isStopping) log({ level: "info", message: "Listening again" });
    }
  }

  /** Says nothing of attempts, which may be many. */
  async function listenAgain(): Promise<void> {
    while (!isStopping) {
      await pause(PAUSE_MS);
      try {
        server = Deno.serve({ ...address, port, onListen: () => {} }, handler);
        return;
      } catch {
        // No room yet.
      }
    }
  }

  return {
    port,
    async shutdown() {
      isStopping = true;
      await server.shutdown().catch(() => {});
    },
  };
}
