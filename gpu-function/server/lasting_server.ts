/**
 * Serves for as long as the process lives. Deno's server ends when a connection cannot be taken,
 * as where too many files are open: it is begun again once there is room.
 */
import type { Clock } from "../jobs/clock.ts";
import type { LogSink } from "../jobs/log_record.ts";
import { describeCause } from "../jobs/log_record.ts";

export interface LastingServer {
  readonly addr: Deno.NetAddr;
  /** Takes no more requests, and resolves when those under way have been answered. */
  shutdown(): Promise<void>;
}

type Handler = (request: Request) => Response | Promise<Response>;

interface Address {
  readonly hostname: string;
  readonly port: number;
}

interface ServerPorts {
  readonly clock: Clock;
  readonly log: LogSink;
}

/** Between two attempts to listen again. */
const PAUSE_MS = 1_000;

/** @throws Error when it cannot listen at first */
export function serveLastingly(
  address: Address,
  handler: Handler,
  { clock, log }: ServerPorts,
): LastingServer {
  let isStopping = false;
  let server = Deno.serve({ ...address, onListen: () => {} }, (request) => handler(request));
  const { addr } = server;
  void last();

  async function last(): Promise<void> {
    while (!isStopping) {
      try {
        await server.finished;
        return;
      } catch (cause) {
        log({
          level: "error",
          message: "service.listening_failed",
          cause: describeCause(cause).cause,
        });
      }
      await listenAgain();
      if (!isStopping) log({ level: "info", message: "service.listening_again" });
    }
  }

  /** Says nothing of attempts, which may be many. */
  async function listenAgain(): Promise<void> {
    while (!isStopping) {
      await new Promise<void>((resolve) => clock.setTimer(PAUSE_MS, resolve));
      try {
        server = Deno.serve(
          { ...address, port: addr.port, onListen: () => {} },
          (request) => handler(request),
        );
        return;
      } catch {
        // No room yet.
      }
    }
  }

  return {
    addr,
    async shutdown() {
      isStopping = true;
      await server.shutdown().catch(() => {});
    },
  };
}
