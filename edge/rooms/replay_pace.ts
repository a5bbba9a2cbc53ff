/** Computes when the events of a finished run are due in a replay with the run's pace. Pure. */
import type { NumberedEvent } from "../../contract/mod.ts";

/** A replay takes at most this long: a longer run is shown faster. */
export const REPLAY_MS_MAX = 30_000;

/**
 * Returns the pause before each event in milliseconds, in their order, as long as in the run.
 * Without recorded times all pauses are alike, and add up to the time of the run.
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
