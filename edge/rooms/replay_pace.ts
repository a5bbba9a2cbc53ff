/** When the events of a finished run are due in a replay that is paced like the run. Pure. */
import type { NumberedEvent } from "../../contract/mod.ts";

/** No replay takes longer: a longer run is shown faster. */
export const REPLAY_MS_MAX = 30_000;

/**
 * The pause before each event, milliseconds, in their order. As long as it was in the run; where nobody
 * noted the times, all are alike and together what the run took.
 */
export function replayPauses(events: readonly NumberedEvent[]): number[] {
  const times = timesOf(events);
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const speed = Math.max(1, span / REPLAY_MS_MAX);
  return times.map((time, i) => Math.max(0, time - (times[i - 1] ?? time)) / speed);
}

function timesOf(events: readonly NumberedEvent[]): number[] {
  const noted = events.flatMap(({ at_ms }) => at_ms ?? []);
  if (noted.length === events.length) return noted;
  const end = events.at(-1)?.event;
  const total = end?.type === "generation.completed" ? end.timings.total_ms : 0;
  return events.map((_, i) => total * i / Math.max(1, events.length - 1));
}
