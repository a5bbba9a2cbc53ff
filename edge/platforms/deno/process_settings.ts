/** The operator's settings for the edge as a process of its own, as on Deno. */
import { isIP } from "node:net";
import { type Environment, readText, wrongSetting } from "../../environment.ts";

export interface ProcessSettings {
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
  /** The pause between two rounds of `runScheduled`. */
  readonly scheduleMs: number;
  /** How long work under way may go on when the process is asked to stop. */
  readonly shutdownMs: number;
}

/** Reads `HOST`, `PORT`, `SCHEDULE_SECONDS` and `SHUTDOWN_SECONDS`. */
export function readProcessSettings(environment: Environment): ProcessSettings {
  const read = (name: string, fallback: number, [min, max]: readonly [number, number]) => {
    const text = readText(environment, name) ?? String(fallback);
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw wrongSetting(name, `an integer from ${min} to ${max}`, text);
  };
  return {
    host: readHost(environment),
    // 0 takes a free one.
    port: read("PORT", 8_787, [0, 65_535]),
    scheduleMs: 1_000 * read("SCHEDULE_SECONDS", 60, [1, 3_600]),
    shutdownMs: 1_000 * read("SHUTDOWN_SECONDS", 10, [0, 3_600]),
  };
}

/**
 * Takes only an address: shells that export their machine's name as HOST must not choose for us.
 */
function readHost(environment: Environment): string {
  const host = readText(environment, "HOST") ?? "127.0.0.1";
  if (isIP(host) !== 0) return host;
  throw wrongSetting("HOST", "an IP address, such as 127.0.0.1, 0.0.0.0 or ::", host);
}
