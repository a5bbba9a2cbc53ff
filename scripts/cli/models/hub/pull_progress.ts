/** Shows one bar per file on a terminal, one line per file anywhere else. */
import { MultiBar } from "cli-progress";
import { showBytes } from "../../../command_line/byte_count.ts";
import type { RemoteFile } from "./package_listing.ts";

export interface PullProgress {
  /** @param present bytes that are on the disk before the download begins */
  begin(file: Pick<RemoteFile, "path" | "bytes">, present: number): FileProgress;
  stop(): void;
}

export interface FileProgress {
  readonly update: (bytes: number) => void;
  end(): void;
}

interface Display {
  say(line: string): void;
  /** Whether progress may be drawn and redrawn. */
  readonly animated: boolean;
}

export function createProgress(world: Display): PullProgress {
  return world.animated ? drawBars() : sayLines(world);
}

function drawBars(): PullProgress {
  const bars = new MultiBar({
    format: "{bar} {present} of {whole} {rate}/s  {path}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 20, // leaves room for names on 80 columns
    hideCursor: true,
  });
  return {
    begin({ path, bytes }, present) {
      const column = (count: number) => showBytes(count).padStart(8);
      const whole = column(bytes);
      const rateOf = createRate(present);
      const bar = bars.create(Math.max(bytes, 1), present, {
        ...{ path, whole },
        ...{ present: column(present), rate: column(0) },
      });
      return {
        update: (now) => bar.update(now, { present: column(now), rate: column(rateOf(now)) }),
        end: () => bar.stop(),
      };
    },
    stop: () => bars.stop(),
  };
}

function sayLines({ say }: Pick<Display, "say">): PullProgress {
  return {
    begin: ({ path, bytes }, present) => ({
      update: () => {},
      end: () =>
        say(`${path}  ${showBytes(bytes)}${present > 0 ? `, ${showBytes(present)} kept` : ""}`),
    }),
    stop: () => {},
  };
}

/** Computes bytes per second since the start, without the bytes that were there before. */
function createRate(present: number): (bytes: number) => number {
  const start = performance.now();
  return (bytes) => {
    const seconds = (performance.now() - start) / 1000;
    return seconds > 0 ? Math.max(bytes - present, 0) / seconds : 0;
  };
}
